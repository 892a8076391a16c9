package signet

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls a server, to publish and to promote, with an admin or a ci token; with a viewer's it reads. Its methods may be called by any
// goroutine.
//
// A call that found the server busy or away is made again, up to three times, after a wait at random on top of what the server asks for. A
// change has an Idempotency-Key of its own for that, unless the caller gives one.
type Client struct {
	rest     *rest
	attempts int
	timeout  time.Duration
	waits    Backoff
}

// ClientOption changes how a Client calls.
type ClientOption func(*clientOptions)

type clientOptions struct {
	http      *http.Client
	tls       *tls.Config
	tokenFunc func(context.Context) (string, error)
	timeout   time.Duration
	attempts  int
}

// WithHTTPClient calls through a client of the program's own. Redirects are refused all the same.
func WithHTTPClient(client *http.Client) ClientOption {
	return func(o *clientOptions) { o.http = client }
}

// WithTLS is for a CA and a client certificate.
func WithTLS(config *tls.Config) ClientOption { return func(o *clientOptions) { o.tls = config } }

// WithTokenFunc asks for the token of every call, in place of the one that NewClient is given.
func WithTokenFunc(token func(context.Context) (string, error)) ClientOption {
	return func(o *clientOptions) { o.tokenFunc = token }
}

// WithTimeout limits each attempt of a call. Default: 30 s.
func WithTimeout(timeout time.Duration) ClientOption {
	return func(o *clientOptions) { o.timeout = timeout }
}

// WithAttempts is how often a call is made at most. Default: 3.
func WithAttempts(attempts int) ClientOption { return func(o *clientOptions) { o.attempts = attempts } }

// maxAnswerBytes is above the largest answer: a bundle with its policies.
const maxAnswerBytes = 64 << 20

// NewClient calls the server at url. The error is a *ConfigError.
func NewClient(url, token string, options ...ClientOption) (*Client, error) {
	chosen := clientOptions{timeout: 30 * time.Second, attempts: 3}
	for _, option := range options {
		option(&chosen)
	}
	switch {
	case !isServer(url):
		return nil, &ConfigError{"url", "http://host:port or https://host:port, without a query"}
	case chosen.tokenFunc == nil && !isHeaderText(token):
		return nil, &ConfigError{"token", "printable ASCII characters"}
	case chosen.timeout <= 0:
		return nil, &ConfigError{"WithTimeout", "above 0"}
	case chosen.attempts < 1:
		return nil, &ConfigError{"WithAttempts", "1 or more"}
	}
	rest, _ := newRest(url, token, chosen.tokenFunc, chosen.http, chosen.tls)
	return &Client{rest, chosen.attempts, chosen.timeout, Backoff{500 * time.Millisecond, 10 * time.Second}}, nil
}

// Token is what the token of a Client is.
type Token struct {
	ID int64 `json:"id"`
	// Prefix names it in lists, logs and the audit.
	Prefix string  `json:"key_prefix"`
	Name   *string `json:"name"`
	// Type is admin, ci, runtime, viewer or metrics.
	Type   string   `json:"key_type"`
	Scopes []string `json:"scopes"`
	OrgID  string   `json:"org_id"`
	// ProjectID, EnvironmentID and Environment are nil where the token is not limited to one.
	ProjectID     *string `json:"project_id"`
	EnvironmentID *string `json:"environment_id"`
	Environment   *string `json:"environment"`
	// ExpiresAt is nil for one that does not expire.
	ExpiresAt *time.Time `json:"expires_at"`
	// ServerVersion is the server's release.
	ServerVersion string `json:"server_version"`
	Operator      bool   `json:"operator"`
}

// WhoAmI returns what the token is, and where it is good for.
func (c *Client) WhoAmI(ctx context.Context) (*Token, error) {
	return call[Token](ctx, c, http.MethodGet, "/v1/whoami", nil, nil)
}

// Project is a project, by organization and project: UUIDs, slugs or names.
func (c *Client) Project(org, project string) *Project {
	return &Project{c, "/v1/orgs/" + url.PathEscape(org) + "/projects/" + url.PathEscape(project)}
}

// Project is where bundles are published and promoted. Environments are named.
type Project struct {
	client *Client
	path   string
}

func (p *Project) environment(name, rest string) string {
	return p.path + "/envs/" + url.PathEscape(name) + rest
}

// Guards are the conditions of a change.
type Guards struct {
	// IdempotencyKey makes a retry within 24 hours answer the first result: 1 to 255 printable ASCII characters. Default: one of the call's
	// own.
	IdempotencyKey string `json:"-"`
	// IfMatch is the sequence at which the environment that changes must be, on Promote the target; 0 for nothing active. Else
	// ErrPreconditionFailed. Sequence makes one.
	IfMatch *int64 `json:"-"`
	// SkipUnchanged makes no version of a content that is active already: the active bundle is the answer. Of Publish and Promote.
	SkipUnchanged bool `json:"-"`
}

// Sequence is for IfMatch.
func Sequence(sequence int64) *int64 { return &sequence }

func (g Guards) header() (http.Header, error) {
	key := g.IdempotencyKey
	if key == "" {
		random := make([]byte, 16)
		if _, err := rand.Read(random); err != nil {
			return nil, err
		}
		key = fmt.Sprintf("signet-go-%x", random)
	}
	if !isHeaderText(key) || len(key) > 255 {
		return nil, &ConfigError{"IdempotencyKey", "1 to 255 printable ASCII characters"}
	}
	header := http.Header{"Idempotency-Key": {key}}
	if g.IfMatch != nil {
		header.Set("If-Match", `"`+strconv.FormatInt(*g.IfMatch, 10)+`"`)
	}
	if g.SkipUnchanged {
		header.Set("If-Unchanged", "skip")
	}
	return header, nil
}

// change makes a guarded call.
func change[T any](ctx context.Context, c *Client, path string, guards Guards, request any) (*T, error) {
	header, err := guards.header()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("signet: the request is not JSON: %w", err)
	}
	return call[T](ctx, c, http.MethodPost, path, header, body)
}

// call makes a call, and reads the JSON of its answer.
func call[T any](ctx context.Context, c *Client, method, path string, header http.Header, body []byte) (*T, error) {
	text, _, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	answer := new(T)
	if err := json.Unmarshal(text, answer); err != nil {
		return nil, notSignet("the answer is not what was asked for: " + err.Error())
	}
	return answer, nil
}

func (c *Client) send(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, http.Header, error) {
	waits := backoff{Backoff: c.waits}
	for attempt := 1; ; attempt++ {
		text, answered, err := c.try(ctx, method, path, header, body)
		var failed *APIError
		if err == nil || attempt >= c.attempts || ctx.Err() != nil || !errors.As(err, &failed) || !failed.isPassing() {
			return text, answered, err
		}
		if !sleep(ctx, failed.RetryAfter+waits.next()) {
			return nil, nil, err
		}
	}
}

func (c *Client) try(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, http.Header, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.rest.do(limited, method, path, header.Clone(), body)
	if err != nil {
		return nil, nil, err
	}
	text, err := read(response, maxAnswerBytes)
	if err == nil && len(text) > maxAnswerBytes {
		err = notSignet("the answer is too long")
	}
	return text, response.Header, err
}

// isPassing tells whether the same call may succeed in a moment.
func (e *APIError) isPassing() bool {
	switch e.Code {
	case ErrUnavailable, ErrTimeout, ErrRateLimited:
		return true
	}
	return e.Reason == "idempotency_key_in_flight"
}

// Policies is a document as JSON of a value. Numbers are printed as encoding/json does, which knows no 1.0: where a float must stay one,
// publish the text itself.
func Policies(value any) (json.RawMessage, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("signet: the policies are not JSON: %w", err)
	}
	return json.RawMessage(strings.TrimSpace(text.String())), nil
}

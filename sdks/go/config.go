package signet

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"signet.dev/signet/internal/trust"
)

// userAgent is the name of this module in requests.
const userAgent = "signet-go/0.1.0"

// Identity names the environment of a runtime: nothing of any other one is accepted. `signet whoami` prints it.
type Identity struct {
	// OrgID and ProjectID are UUIDs.
	OrgID, ProjectID string
	// Environment is its name.
	Environment string
}

// Action says how a runtime goes on when its policies are no longer proven.
type Action int

const (
	// Default is Serve for OnExpired, and Close for OnRevoked.
	Default Action = iota
	// Serve goes on with what was proven last.
	Serve
	// Close makes Current nil until there is a new proof.
	Close
)

// Transport is how a runtime follows its server.
type Transport string

const (
	// Events are server-sent events: one stream, pushed in milliseconds.
	Events Transport = "sse"
	// Polls are requests that the server holds until there is something new, for paths that let no stream through.
	Polls Transport = "poll"
)

// Backoff are waits after failures: anything from 0 to Base at random, then to twice of it, up to Max.
type Backoff struct{ Base, Max time.Duration }

// Logger takes the messages of a runtime; *slog.Logger is one.
type Logger interface {
	Debug(msg string, args ...any)
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}

// Config is the configuration of a runtime. URL, a token, Root or Keys, Identity and InstanceID have no default.
type Config struct {
	// URL is http://host:port or https://host:port; a path is prefixed to that of every call.
	URL string
	// Token is a runtime token of the environment.
	Token string
	// TokenFunc returns the current one, in place of Token: it is asked for every call, so that a rotated token needs no restart. It must
	// return when its context ends.
	TokenFunc func(context.Context) (string, error)

	// Root is the text of the project's root document, as `signet trust init` made it (levels 1 and 2 of docs/trust.md).
	Root string
	// Keys are public keys of the server in PEM, in place of Root (level 0): those of purpose attestation.
	// Both come with the configuration of the program, never from the server.
	Keys []string

	Identity Identity

	// InstanceID names this instance in the fleet view: 1 to 128 characters.
	InstanceID string
	// Agent is name and version of the program, for the fleet view: at most 255 characters.
	Agent string
	// Labels are for the fleet view: at most 64, keys of 1 to 63 and values of at most 255 characters.
	Labels map[string]string

	// CacheDir is a directory for what was proven. It is made for its owner alone; environments and processes may share it. Without one a
	// restart knows nothing until the server answers, and no floor of before.
	CacheDir string

	// OnExpired is the action when the proof has expired: 5 minutes after the last answer of the server.
	OnExpired Action
	// OnRevoked is the action when a newer root revokes the current policies.
	OnRevoked Action

	// OnUpdate is called with each activation, one after the other; when it is slow, it misses superseded ones. It is told what was found
	// in CacheDir too. What it returns is reported to the fleet view: nil as applied, an error as rejected. Current changes all the same,
	// since it is what is in force: a program that cannot apply it goes on with what it has, and says so by the error.
	OnUpdate func(*Snapshot) error
	// OnState is called when the state changes, one after the other, and never at the same time as OnUpdate.
	OnState func(Status)

	// HTTPClient is for proxies and certificates of a program's own. Its Timeout and CheckRedirect are not used: streams last, and
	// redirects are refused. Give it connections without HTTP/2, or with ping timeouts: a stream on a dead connection cannot be left.
	HTTPClient *http.Client
	// TLS is for a CA and a client certificate, where there is no HTTPClient.
	TLS *tls.Config
	// Transports are those that may be used, best first. Default: Events, Polls.
	Transports []Transport
	// MaxContent is the largest content in bytes; default and most: 16 MiB.
	MaxContent int64
	// NoReports: the fleet view is not told what is applied and refused.
	NoReports bool
	// Heartbeat is the server's interval, default 15 s: three of them without a message end a connection.
	Heartbeat time.Duration
	// FirstMessage is how long a connection may take to its first byte before the next transport is tried. Default: 4 s; twice as long each
	// time that no transport had one, up to 45 s.
	FirstMessage time.Duration
	// Climb is when a better transport is tried again. Default: 5 min, then twice as long each time, up to an hour.
	Climb time.Duration
	// Reconnect are the waits between connections. Default: 10 s to 60 s.
	Reconnect Backoff
	// Refused are the waits after a refusal, until it is looked at again. Default: 10 s to 5 min.
	Refused Backoff
	// Report are the waits between attempts to report. Default: 5 s to 60 s.
	Report Backoff

	// Logger is told about connections, refusals and changes of the state. Default: none.
	Logger Logger
	// Now is the clock that expiry is measured by. Default: time.Now.
	Now func() time.Time
}

// settings are a Config that was checked, with its defaults.
type settings struct {
	Config
	identity   trust.Identity
	root       *trust.Root
	keyIDs     []string
	rest       *rest
	disconnect func()
	maxContent int64
	cacheDir   string
	now        func() time.Time
}

var (
	uuidForm        = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	environmentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// checked fails with a *ConfigError for what cannot be right, and with a *Refusal for a root that is damaged or of another project.
func (c Config) checked() (*settings, error) {
	s := &settings{Config: c, maxContent: c.MaxContent, cacheDir: c.CacheDir, now: c.Now}
	wrong := func(field, wanted string) (*settings, error) { return nil, &ConfigError{field, wanted} }
	if !isServer(c.URL) {
		return wrong("URL", "http://host:port or https://host:port, without a query")
	}
	if (c.Token == "") == (c.TokenFunc == nil) {
		return wrong("Token", "there, or TokenFunc instead")
	}
	if c.TokenFunc == nil && !isHeaderText(c.Token) {
		return wrong("Token", "printable ASCII characters")
	}
	switch {
	case !uuidForm.MatchString(c.Identity.OrgID):
		return wrong("Identity.OrgID", "a UUID")
	case !uuidForm.MatchString(c.Identity.ProjectID):
		return wrong("Identity.ProjectID", "a UUID")
	case !environmentForm.MatchString(c.Identity.Environment):
		return wrong("Identity.Environment", "the name of an environment")
	case c.InstanceID == "" || !isShort(c.InstanceID, 128):
		return wrong("InstanceID", "a text of 1 to 128 characters")
	case !isShort(c.Agent, 255):
		return wrong("Agent", "a text of at most 255 characters")
	case len(c.Labels) > 64:
		return wrong("Labels", "at most 64")
	case c.OnExpired < Default || c.OnExpired > Close:
		return wrong("OnExpired", "Serve or Close")
	case c.OnRevoked < Default || c.OnRevoked > Close:
		return wrong("OnRevoked", "Serve or Close")
	case c.MaxContent < 0 || c.MaxContent > trust.MaxContentBytes:
		return wrong("MaxContent", "at most 16 MiB")
	case c.Heartbeat < 0 || c.FirstMessage < 0 || c.Climb < 0:
		return wrong("Heartbeat, FirstMessage and Climb", "above 0")
	case c.HTTPClient != nil && c.TLS != nil:
		return wrong("TLS", "left out, where HTTPClient has its own")
	}
	for key, value := range c.Labels {
		if key == "" || !isShort(key, 63) || !isShort(value, 255) {
			return wrong("Labels", "keys of 1 to 63 and values of at most 255 characters")
		}
	}
	for _, transport := range c.Transports {
		if transport != Events && transport != Polls {
			return wrong("Transports", "Events and Polls")
		}
	}
	s.identity = trust.Identity(c.Identity)
	if err := s.readTrust(); err != nil {
		return nil, err
	}
	if s.maxContent == 0 {
		s.maxContent = trust.MaxContentBytes
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, it := range []struct {
		value   *time.Duration
		initial time.Duration
	}{{&s.Heartbeat, 15 * time.Second}, {&s.FirstMessage, 4 * time.Second}, {&s.Climb, 5 * time.Minute}} {
		if *it.value == 0 {
			*it.value = it.initial
		}
	}
	for _, it := range []struct {
		name    string
		value   *Backoff
		initial Backoff
	}{
		{"Reconnect", &s.Reconnect, Backoff{10 * time.Second, time.Minute}},
		{"Refused", &s.Refused, Backoff{10 * time.Second, 5 * time.Minute}},
		{"Report", &s.Report, Backoff{5 * time.Second, time.Minute}},
	} {
		if *it.value == (Backoff{}) {
			*it.value = it.initial
		}
		if it.value.Base <= 0 || it.value.Max < it.value.Base {
			return wrong(it.name, "a Base above 0, and a Max that is not below it")
		}
	}
	if len(s.Transports) == 0 {
		s.Transports = []Transport{Events, Polls}
	}
	if s.Logger == nil {
		s.Logger = silent{}
	}
	s.rest, s.disconnect = newRest(c.URL, c.Token, c.TokenFunc, c.HTTPClient, c.TLS)
	return s, nil
}

func (s *settings) readTrust() error {
	if (strings.TrimSpace(s.Root) == "") == (len(s.Keys) == 0) {
		return &ConfigError{"Root", "the text of a root document, or Keys instead"}
	}
	if len(s.Keys) > 0 {
		keys := make([]trust.Key, 0, len(s.Keys))
		seen := map[string]bool{}
		for _, text := range s.Keys {
			key, err := publicKey(text)
			if err != nil {
				return &ConfigError{"Keys", "Ed25519 public keys in PEM"}
			}
			if seen[key.ID] {
				continue
			}
			seen[key.ID] = true
			keys = append(keys, key)
			s.keyIDs = append(s.keyIDs, key.ID[:16])
		}
		s.root = trust.PinnedKeys(keys)
		return nil
	}
	root, err := trust.PinnedRoot(s.Root, s.identity)
	if err != nil {
		return refusalOf(err)
	}
	s.root = root
	return nil
}

// newRest returns what calls a server, and what gives its connections back.
func newRest(
	base, token string, tokenFunc func(context.Context) (string, error), given *http.Client, tlsConfig *tls.Config,
) (*rest, func()) {
	client := http.Client{}
	disconnect := func() {}
	if given != nil {
		client = *given
	} else {
		transport := &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			IdleConnTimeout:     90 * time.Second,
			MaxIdleConnsPerHost: 4,
			// Signed bytes are not to be compressed on the way, and nothing then grows while it is read.
			DisableCompression: true,
			// HTTP/1.1 alone: the end of a stream is then the end of its connection, which may be dead.
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		}
		if tlsConfig != nil {
			transport.TLSClientConfig = tlsConfig.Clone()
			transport.TLSClientConfig.NextProtos = nil
		}
		client.Transport = transport
		disconnect = transport.CloseIdleConnections
	}
	client.Timeout = 0
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ask := tokenFunc
	if ask == nil {
		ask = func(context.Context) (string, error) { return token, nil }
	}
	return &rest{client: &client, base: strings.TrimRight(base, "/"), token: ask, agent: userAgent}, disconnect
}

func isServer(text string) bool {
	server, err := url.Parse(text)
	return err == nil && (server.Scheme == "http" || server.Scheme == "https") && server.Host != "" &&
		server.User == nil && server.RawQuery == "" && server.Fragment == ""
}

func isShort(text string, max int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= max
}

// spkiHead is what the SubjectPublicKeyInfo of an Ed25519 key begins with (RFC 8410, section 4).
const spkiHead = "302a300506032b6570032100"

// publicKey reads an Ed25519 public key in PEM; \n written as two characters is a line break.
func publicKey(text string) (trust.Key, error) {
	text = strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(strings.TrimSpace(text))
	block, rest := pem.Decode([]byte(text))
	head, _ := hex.DecodeString(spkiHead)
	isKey := block != nil && block.Type == "PUBLIC KEY" && len(strings.TrimSpace(string(rest))) == 0 &&
		len(block.Bytes) == len(head)+32 && string(block.Bytes[:len(head)]) == string(head)
	if !isKey {
		return trust.Key{}, errors.New("not an Ed25519 public key in PEM")
	}
	return trust.NewKey(block.Bytes[len(head):]), nil
}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

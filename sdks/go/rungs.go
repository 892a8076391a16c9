package signet

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"signet.dev/signet/internal/sse"
	"signet.dev/signet/internal/trust"
)

// rung is one way to follow a server.
type rung interface {
	name() Transport
	// follow hands over all that comes, from a position on, until the context ends, the server ends it, or take fails. It says to hush when
	// it waits for the server, and for how long.
	follow(ctx context.Context, from func() position, hush *silence, take func(news) error) error
}

// silence ends a connection on which nothing comes for too long.
type silence struct {
	first, later time.Duration
	timer        *time.Timer
}

// errSilent is why a connection was ended.
var errSilent = &APIError{Code: ErrTimeout, Reason: ErrTimeout, Message: "the server was silent for too long"}

func newSilence(first, later time.Duration, end context.CancelCauseFunc) *silence {
	return &silence{first, later, time.AfterFunc(first, func() { end(errSilent) })}
}

// wait begins to wait for the server. What the program does with a message is not its silence.
func (s *silence) wait(limit time.Duration) { s.timer.Reset(limit) }

func (s *silence) stop() { s.timer.Stop() }

// heard is a stream that tells of its first byte: by then the path has let it through.
type heard struct {
	io.Reader
	hush *silence
	some bool
}

func (h *heard) Read(into []byte) (int, error) {
	n, err := h.Reader.Read(into)
	if n > 0 && !h.some {
		h.some = true
		h.hush.wait(h.hush.later)
	}
	return n, err
}

// events follows by server-sent events. Labels are not sent: REST has no field for them; reports have.
type events struct {
	rest       *rest
	instanceID string
	maxContent int64
}

func (*events) name() Transport { return Events }

func (e *events) follow(ctx context.Context, from func() position, hush *silence, take func(news) error) error {
	at := from()
	query := url.Values{
		"after_sequence":      {strconv.FormatInt(at.sequence, 10)},
		"after_deployment_id": {at.deploymentID},
		"instance_id":         {e.instanceID},
		"root_version":        {strconv.FormatInt(at.rootVersion, 10)},
		"content":             {"true"},
	}
	response, err := e.rest.do(ctx, http.MethodGet, "/v1/bundles/watch?"+query.Encode(), http.Header{"Accept": {"text/event-stream"}}, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return notSignet("the answer is no stream of events")
	}
	// A character of the content may be escaped by six.
	reader := sse.NewReader(&heard{Reader: response.Body, hush: hush}, int(6*e.maxContent)+trust.MaxAttestationBytes+1<<20)
	watch := &watch{rest: e.rest, roots: map[int64]string{}}
	for {
		event, err := reader.Next()
		hush.stop()
		if errors.Is(err, io.EOF) {
			return &APIError{Code: ErrUnavailable, Reason: ErrUnavailable, Message: "the server ended the stream", cause: err}
		}
		if err != nil {
			return noAnswer(err)
		}
		it, err := watch.read(event)
		if err == nil && it != nil {
			err = take(*it)
		}
		if err != nil {
			return err
		}
		hush.wait(hush.later)
	}
}

func notSignet(what string) *APIError {
	return &APIError{Code: ErrUnimplemented, Reason: ErrUnimplemented, Message: "not a Signet server: " + what}
}

// watch makes something to verify of the messages of a stream. Roots are kept for the attestation that needs them, which follows.
type watch struct {
	rest   *rest
	roots  map[int64]string
	newest int64
}

// maxRoots are as many as one update takes; a server may send more.
const maxRoots = 64

type watchMessage struct {
	Sequence     int64           `json:"sequence"`
	DeploymentID *string         `json:"deployment_id"`
	Activation   *watchedContent `json:"activation"`
	Heartbeat    *watchedLease   `json:"heartbeat"`
	Nothing      *watchedLease   `json:"nothing_active"`
	Root         *struct {
		Version  int64           `json:"version"`
		Envelope json.RawMessage `json:"envelope"`
	} `json:"trust_root"`
}

type watchedContent struct {
	Sequence     int64           `json:"sequence"`
	DeploymentID string          `json:"deployment_id"`
	Content      *string         `json:"content"`
	Attestation  json.RawMessage `json:"attestation"`
}

type watchedLease struct {
	Attestation json.RawMessage `json:"attestation"`
}

// read returns nil for a message that brings nothing by itself.
func (w *watch) read(event sse.Event) (*news, error) {
	if event.Name == "error" {
		failed := saidError(event.Data)
		if failed == nil {
			failed = &APIError{Code: ErrUnavailable, Reason: ErrUnavailable, Message: "the stream ended with an error"}
		}
		if failed.RetryAfter = event.Retry; failed.RetryAfter > maxRetryAfter {
			failed.RetryAfter = maxRetryAfter
		}
		return nil, failed
	}
	var message watchMessage
	if err := json.Unmarshal(event.Data, &message); err != nil {
		return nil, notSignet("an event is not JSON of a watch")
	}
	other := message.Heartbeat
	if other == nil {
		other = message.Nothing
	}
	switch {
	case message.Root != nil:
		w.keep(message.Root.Version, string(message.Root.Envelope))
		return nil, nil
	case message.Activation != nil:
		it := message.Activation
		server := &pushed{watch: w, attestation: it.Attestation}
		if it.Content != nil {
			server.content = []byte(*it.Content)
		}
		return &news{about{it.Sequence, it.DeploymentID}, w.newest, server, nil}, nil
	case other != nil:
		it := &news{about: about{sequence: message.Sequence}}
		if message.DeploymentID != nil {
			it.about.deploymentID = *message.DeploymentID
		}
		if isThere(other.Attestation) {
			it.roots, it.server, it.whole = w.newest, &pushed{watch: w, attestation: other.Attestation}, w.whole
		}
		return it, nil
	}
	return nil, nil
}

func (w *watch) keep(version int64, envelope string) {
	if len(envelope) > trust.MaxEnvelopeBytes {
		// Refused when it is read, and not kept whole.
		envelope = envelope[:trust.MaxEnvelopeBytes+1]
	}
	w.roots[version] = envelope
	if version > w.newest {
		w.newest = version
	}
	for len(w.roots) > maxRoots {
		oldest := version
		for one := range w.roots {
			if one < oldest {
				oldest = one
			}
		}
		delete(w.roots, oldest)
	}
}

// whole asks beside the stream, whose roots it uses.
func (w *watch) whole(ctx context.Context) (trust.Server, error) {
	server, err := w.rest.whole(ctx)
	if err != nil {
		return nil, err
	}
	return &beside{server, w}, nil
}

type beside struct {
	trust.Server
	watch *watch
}

func (b *beside) Root(_ context.Context, version int64) (string, error) {
	return b.watch.roots[version], nil
}

// pushed is an update that a stream brought.
type pushed struct {
	watch       *watch
	attestation []byte
	content     []byte
}

func (p *pushed) Root(_ context.Context, version int64) (string, error) {
	return p.watch.roots[version], nil
}

func (p *pushed) Attestation(context.Context) ([]byte, error) {
	if !isThere(p.attestation) {
		return nil, &trust.Error{Code: trust.Malformed, Message: "the activation has no attestation: none was sent, or it was taken away"}
	}
	return p.attestation, nil
}

func (p *pushed) Content(context.Context, int64) ([]byte, error) {
	if p.content == nil {
		return nil, &trust.Error{Code: trust.Malformed, Message: "the attestation has no activation"}
	}
	return p.content, nil
}

func isThere(value json.RawMessage) bool { return len(value) > 0 && string(value) != "null" }

const (
	// longestHold is of a poll: many a path cuts what is silent for half a minute.
	longestHold = 25 * time.Second
	// pollPause is between polls that are not held.
	pollPause = 15 * time.Second
	// pollSlack is how much later than the server ends a poll its answer may come.
	pollSlack = 20 * time.Second
	// goodPolls are as many answered polls in a row after which they are held for longer again.
	goodPolls = 20
	// notHeld is how soon an answer came that was not held.
	notHeld = time.Second
)

// polls follows by polls that the server holds until there is something new. On a path that cuts held requests they are held for half as
// long each time, down to polls that are answered at once; for longer again after some that it did not cut.
type polls struct {
	rest       *rest
	instanceID string
	hold       time.Duration
	pause      time.Duration
	// good are the polls in a row that were answered.
	good int
}

func newPolls(rest *rest, instanceID string) *polls {
	return &polls{rest: rest, instanceID: instanceID, hold: longestHold, pause: pollPause}
}

func (*polls) name() Transport { return Polls }

func (p *polls) follow(ctx context.Context, from func() position, hush *silence, take func(news) error) error {
	for wait := time.Duration(0); ; wait = p.hold {
		began, had := time.Now(), from()
		it, err := p.rest.poll(ctx, had, p.instanceID, wait)
		hush.stop()
		if err != nil {
			var failed *APIError
			if wait > 0 && context.Cause(ctx) == nil && errors.As(err, &failed) && !failed.FromServer {
				p.hold, p.good = (p.hold / 2).Truncate(time.Second), 0
			}
			return err
		}
		if p.good++; p.good >= goodPolls && p.hold < longestHold {
			p.hold, p.good = min(longestHold, max(time.Second, 2*p.hold)), 0
		}
		isNew := it.server != nil && it.about.deploymentID != had.deploymentID
		wasHeld := time.Since(began) >= notHeld
		if err := take(it); err != nil {
			return err
		}
		// The server ends a held poll too when the project gets another root.
		hasRoot := from().rootVersion != had.rootVersion
		if (p.hold == 0 || (wait > 0 && !isNew && !hasRoot && !wasHeld)) && !sleep(ctx, p.pause) {
			return ctx.Err()
		}
		hush.wait(p.hold + pollSlack)
	}
}

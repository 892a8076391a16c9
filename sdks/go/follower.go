package signet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand"
	"net"
	"sync"
	"time"

	"signet.dev/signet/internal/trust"
)

const (
	// goodAfter: a connection that lived this long was stable. One that is accepted and lost at once must not be made again without a wait.
	goodAfter = time.Minute
	// maxFirst is as long as a connection may be silent later.
	maxFirst = 45 * time.Second
	maxClimb = time.Hour
	// maxLooks: a server that says something else each time is not listened to for ever.
	maxLooks = 8
	// takeTimeout is for what is fetched beside a connection, a content of 16 MiB at most.
	takeTimeout = 2 * time.Minute
)

var (
	errDue    = errors.New("what was refused is asked for again")
	errBetter = errors.New("a better transport works")
)

// follower follows a server on the best transport that the path to it lets through. One that fails as if the path did not take it is left
// for the next one: at once if it never worked, at the second failure in a row if it did. From a lower one it tries from time to time
// whether a better one works.
type follower struct {
	runtime  *Runtime
	rungs    []rung
	at       int
	hasBeen  map[Transport]bool
	first    time.Duration
	strikes  int
	silences int
	waits    backoff
	refusals backoff
}

func newFollower(r *Runtime) *follower {
	s := r.settings
	f := &follower{
		runtime: r, hasBeen: map[Transport]bool{}, first: s.FirstMessage,
		waits: backoff{Backoff: s.Reconnect}, refusals: backoff{Backoff: s.Refused},
	}
	for _, transport := range s.Transports {
		if transport == Events {
			f.rungs = append(f.rungs, &events{s.rest, s.InstanceID, s.maxContent})
		} else {
			f.rungs = append(f.rungs, newPolls(s.rest, s.InstanceID))
		}
	}
	return f
}

func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		it := &connection{follower: f, rung: f.rungs[f.at]}
		err := it.run(ctx)
		if ctx.Err() != nil {
			return
		}
		wait, isAtOnce := f.next(it, err)
		if isAtOnce {
			continue
		}
		f.runtime.settings.Logger.Warn("signet: not connected", "error", err.Error(), "again_in", wait)
		f.tell(err, wait, false)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// tell notes when the server is called again, and why.
func (f *follower) tell(why error, wait time.Duration, isConnected bool) {
	r := f.runtime
	if refusal := refusalOf(why); refusal != nil {
		why = refusal
	}
	r.change(func(status *Status) {
		if !isConnected {
			status.Transport = ""
		}
		status.Err, status.NextRetry = why, r.settings.now().Add(wait)
	})
	var failed *APIError
	if errors.As(why, &failed) && failed.FromServer && failed.isFinal() {
		r.failWaits(failed)
	}
}

// next decides what follows a connection: a wait, or another one at once.
func (f *follower) next(it *connection, err error) (wait time.Duration, isAtOnce bool) {
	switch {
	case it.better != nil:
		f.at, f.strikes, f.silences = it.betterAt, 0, 0
		return 0, true
	case errors.Is(err, errDue):
		return 0, true
	case trust.CodeOf(err) != "":
		return f.refusals.next(), false
	}
	hadNews := !it.firstAt.IsZero()
	if hadNews && time.Since(it.firstAt) >= goodAfter {
		f.waits.reset()
	}
	failed := asAPIError(err)
	if f.isWrongRung(it.rung.name(), failed, hadNews) && f.stepDown() {
		return 0, true
	}
	wait = f.waits.after(failed)
	if left := it.refused.left(); left > wait {
		wait = left
	}
	return wait, false
}

func (f *follower) isWrongRung(name Transport, failed *APIError, hadNews bool) bool {
	if hadNews {
		f.strikes = 0
		if failed.Code != ErrTimeout {
			f.silences = 0
			return false
		}
		f.silences++
		return f.silences >= 2
	}
	if !mayBeThePath(failed, f.hasBeen[name]) {
		return false
	}
	f.strikes++
	return !f.hasBeen[name] || f.strikes >= 2
}

// stepDown is false at the last one: the next attempt begins at the top again, after a wait.
func (f *follower) stepDown() bool {
	f.strikes, f.silences = 0, 0
	f.at = (f.at + 1) % len(f.rungs)
	if f.at > 0 {
		return true
	}
	if f.first *= 2; f.first > maxFirst {
		f.first = maxFirst
	}
	return false
}

// mayBeThePath tells whether an error, in place of the first message, may come from a path that does not let this transport through, and
// another one may fare better: a page of a proxy, a connection that is cut, silence.
//
// hasWorked: it did before; that a gateway finds no server now says nothing about the transport.
func mayBeThePath(failed *APIError, hasWorked bool) bool {
	if failed.FromServer {
		return false
	}
	var dial *net.OpError
	if errors.As(failed, &dial) && dial.Op == "dial" {
		return false
	}
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	if errors.As(failed, &unknown) || errors.As(failed, &host) || errors.As(failed, &invalid) || errors.As(failed, &record) {
		return false
	}
	isPage := failed.Status != 0
	return !isPage || !hasWorked || failed.Code != ErrUnavailable
}

// connection is one connection, from its first byte to its end.
type connection struct {
	follower *follower
	rung     rung
	firstAt  time.Time
	refused  refused
	end      context.CancelCauseFunc
	climbing sync.WaitGroup
	// better is a transport that works, with its place.
	better   rung
	betterAt int
}

func (c *connection) run(parent context.Context) error {
	ctx, end := context.WithCancelCause(parent)
	c.end = end
	hush := newSilence(c.follower.first, 3*c.follower.runtime.settings.Heartbeat, end)
	err := c.rung.follow(ctx, c.from, hush, func(it news) error { return c.take(ctx, it) })
	// Why it was ended says more than how the call failed.
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	end(nil)
	hush.stop()
	c.refused.stop()
	c.climbing.Wait()
	return err
}

func (c *connection) from() position {
	return c.refused.after(c.follower.runtime.keeper.position())
}

func (c *connection) take(ctx context.Context, it news) error {
	f, r := c.follower, c.follower.runtime
	if c.firstAt.IsZero() {
		c.begin(ctx)
	}
	if it.server == nil || c.refused.has(it) {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, takeTimeout)
	err := r.keeper.take(limited, it)
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.show()
	if err == nil {
		f.refusals.reset()
		c.refused.clear()
		r.accept()
		return nil
	}
	refusal := refusalOf(err)
	if refusal == nil {
		return err
	}
	r.refuse(refusal, it.about)
	if c.refused.count >= maxLooks {
		return err
	}
	// The connection stays for what is newer, so that something good is not missed for minutes after something bad.
	wait := f.refusals.next()
	c.refused.add(it, wait, func() { c.end(errDue) })
	f.tell(refusal, wait, true)
	return nil
}

func (c *connection) begin(ctx context.Context) {
	f, r := c.follower, c.follower.runtime
	c.firstAt = time.Now()
	f.hasBeen[c.rung.name()] = true
	f.first = r.settings.FirstMessage
	r.settings.Logger.Info("signet: connected", "transport", string(c.rung.name()))
	r.change(func(status *Status) {
		status.Transport, status.NextRetry, status.Err = c.rung.name(), time.Time{}, nil
		status.Connections++
	})
	if f.at == 0 {
		return
	}
	at := f.at
	c.climbing.Add(1)
	go func() {
		defer c.climbing.Done()
		c.climb(ctx, f.rungs[:at])
	}()
}

// climb tries from time to time, beside a connection, whether a better transport works; the connection ends when one does.
func (c *connection) climb(ctx context.Context, rungs []rung) {
	r := c.follower.runtime
	for wait := r.settings.Climb; ; {
		if !sleep(ctx, wait/2+time.Duration(rand.Int63n(int64(wait)/2+1))) {
			return
		}
		if wait *= 2; wait > maxClimb {
			wait = maxClimb
		}
		for at, rung := range rungs {
			if ctx.Err() != nil {
				return
			}
			if c.works(ctx, rung) {
				// Read after climbing has ended.
				c.better, c.betterAt = rung, at
				c.end(errBetter)
				return
			}
		}
	}
}

func (c *connection) works(parent context.Context, rung rung) bool {
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	state := c.follower.runtime.view.Load().state
	hush := newSilence(c.follower.runtime.settings.FirstMessage, c.follower.runtime.settings.FirstMessage, end)
	defer hush.stop()
	isFound := false
	_ = rung.follow(ctx, func() position { return positionOf(state) }, hush, func(news) error {
		isFound = true
		return errBetter
	})
	return isFound
}

// refused is what was refused on a connection that stays. Until it is asked for again, only what is newer is looked at: another
// deployment, or the same one under a newer root.
type refused struct {
	isThere bool
	about   about
	roots   int64
	count   int
	until   time.Time
	timer   *time.Timer
}

// add adds one more, to be asked for again after a wait.
func (r *refused) add(it news, wait time.Duration, due func()) {
	r.stop()
	r.isThere, r.about, r.roots, r.until = true, it.about, it.roots, time.Now().Add(wait)
	r.count++
	r.timer = time.AfterFunc(wait, due)
}

// has tells whether these are news of what was refused.
func (r *refused) has(it news) bool {
	return r.isThere && it.about.deploymentID == r.about.deploymentID && it.roots <= r.roots
}

// after is from where a poll goes on: it is not given again what was refused.
func (r *refused) after(at position) position {
	if r.isThere {
		at.sequence, at.deploymentID = r.about.sequence, r.about.deploymentID
	}
	return at
}

// left is how long the next attempt has to wait still.
func (r *refused) left() time.Duration {
	if !r.isThere {
		return 0
	}
	return time.Until(r.until)
}

func (r *refused) clear() {
	r.isThere = false
	r.stop()
}

func (r *refused) stop() {
	if r.timer != nil {
		r.timer.Stop()
	}
}

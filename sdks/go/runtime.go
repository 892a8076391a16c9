package signet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// look is how often the clock is looked at: it may jump while a timer runs, as when the machine sleeps.
const look = 30 * time.Second

// Runtime follows the policies of an environment. It reconnects by itself, until it is closed. Its methods may be called by any goroutine.
type Runtime struct {
	settings *settings
	keeper   *keeper
	reporter *reporter
	cancel   context.CancelFunc
	ended    chan struct{}

	view atomic.Pointer[view]

	mu sync.Mutex
	// status is what of it is not in view.
	status Status
	// shown is the newest snapshot that readers and callbacks got.
	shown *Snapshot
	// changed is closed, and replaced, at each change that a goroutine may wait for.
	changed chan struct{}
	// waitErr ends the calls of WaitReady: an error that lasts until the configuration changes, or a refusal. waitErrs counts them, and
	// isWaitErrNew tells that no call has returned the last one.
	waitErr      error
	waitErrs     int
	isWaitErrNew bool
	readers      *readers
	isOver       bool
	// accepted is the snapshot that the server has confirmed, applied the one that OnUpdate has taken, with what it returned.
	accepted, applied *Snapshot
	toApply           *Snapshot
	isStateNew        bool
	// callbacks and clock wake the goroutines of that name.
	callbacks, clock chan struct{}
}

// Open starts a runtime and returns at once; it waits for no server. Current is there already when CacheDir has something to enforce. The
// error is a *ConfigError, or a *Refusal for a root that is damaged or of another project.
//
// The context's end closes the runtime too.
func Open(ctx context.Context, config Config) (*Runtime, error) {
	settings, err := config.checked()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Runtime{
		settings: settings, keeper: openKeeper(settings), cancel: cancel, ended: make(chan struct{}),
		changed:   make(chan struct{}),
		callbacks: make(chan struct{}, 1), clock: make(chan struct{}, 1),
	}
	r.readers = newReaders(&r.mu)
	r.status = Status{State: Empty, Since: settings.now()}
	var running sync.WaitGroup
	start := func(work func(context.Context)) {
		running.Add(1)
		go func() {
			defer running.Done()
			work(ctx)
		}()
	}
	if !settings.NoReports {
		r.reporter = newReporter(settings)
		start(r.reporter.run)
	}
	r.show()
	start(r.watchClock)
	if settings.OnUpdate != nil || settings.OnState != nil {
		start(r.callBack)
	}
	start(newFollower(r).run)
	go func() {
		running.Wait()
		r.end()
	}()
	return r, nil
}

// Current is what to enforce; nil while nothing is proven, and while OnExpired or OnRevoked closes it. It takes no lock.
func (r *Runtime) Current() *Snapshot { return r.view.Load().open(r.settings.now()) }

// Status is what the runtime says about itself.
func (r *Runtime) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lookAt(r.view.Load())
	return r.statusNow()
}

// WaitReady returns what to enforce as soon as there is anything, also from CacheDir.
//
// It fails with ErrNotReady when the context ends before, with an *APIError for what a Signet server refused for good, such as the token,
// with a *Refusal when all that came was refused, and with ErrClosed. The runtime tries on all the same.
func (r *Runtime) WaitReady(ctx context.Context) (*Snapshot, error) {
	r.mu.Lock()
	seen := r.waitErrs
	if r.isWaitErrNew {
		// It is returned once, and not again before the next attempt.
		seen--
	}
	for {
		current := r.Current()
		changed, isOver, failure, status := r.changed, r.isOver, r.waitErr, r.status
		isFailed := r.waitErrs != seen
		if current == nil && isFailed {
			r.isWaitErrNew = false
		}
		r.mu.Unlock()
		switch {
		case current != nil:
			return current, nil
		case isOver:
			return nil, ErrClosed
		case isFailed:
			return nil, failure
		}
		select {
		case <-changed:
		case <-ctx.Done():
			var why error = status.Err
			if status.Refusal != nil {
				why = status.Refusal
			}
			if why == nil {
				return nil, fmt.Errorf("%w: %w", ErrNotReady, ctx.Err())
			}
			return nil, fmt.Errorf("%w: %w: %w", ErrNotReady, ctx.Err(), why)
		}
		r.mu.Lock()
	}
}

// Updates returns a channel with what is current and each one after it. It holds one: a slow reader misses superseded ones, and delays no
// other. It is closed when the context ends, and with the runtime.
func (r *Runtime) Updates(ctx context.Context) <-chan *Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lookAt(r.view.Load())
	return r.readers.add(ctx, r.Current())
}

// Close ends connections, timers and Updates, and waits until nothing of the runtime runs any more: what is being written to CacheDir is
// written. It must not be called from OnUpdate or OnState, which it waits for. The error is always nil.
func (r *Runtime) Close() error {
	r.cancel()
	<-r.ended
	return nil
}

func (r *Runtime) end() {
	r.cancel()
	r.mu.Lock()
	r.isOver = true
	r.readers.close()
	r.wake()
	r.mu.Unlock()
	r.settings.disconnect()
	close(r.ended)
}

// show makes what the keeper has visible.
func (r *Runtime) show() {
	now := newView(r.keeper, r.settings)
	r.view.Store(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.CacheErr = r.keeper.cacheErr
	r.lookAt(now)
	signal(r.clock)
}

// change changes the status, and wakes the goroutines that wait.
func (r *Runtime) change(by func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by(&r.status)
	r.wake()
}

// failWaits ends the calls of WaitReady with an error.
func (r *Runtime) failWaits(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waitErr, r.isWaitErrNew = why, true
	r.waitErrs++
	r.wake()
}

func (r *Runtime) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// lookAt looks at the clock and at what was proven, and tells what changed. The lock is held.
func (r *Runtime) lookAt(it *view) {
	at := r.settings.now()
	state, _ := it.standing(at)
	if state != r.status.State {
		r.status.State, r.status.Since = state, at
		r.settings.Logger.Info("signet: the state changed", "state", string(state))
		r.isStateNew = true
		r.wake()
		signal(r.callbacks)
	}
	current := it.open(at)
	if current == nil || (r.shown != nil && r.shown.isSame(current)) {
		return
	}
	r.shown, r.toApply = current, current
	r.settings.Logger.Info("signet: policies changed", "sequence", current.Sequence, "version", current.Version, "hash", current.Hash)
	r.readers.tell(current)
	r.wake()
	signal(r.callbacks)
}

// statusNow is the status as callers see it. The lock is held.
func (r *Runtime) statusNow() Status {
	status := r.status
	r.view.Load().fill(&status, r.settings.now())
	return status
}

// watchClock looks when the state changes by itself.
func (r *Runtime) watchClock(ctx context.Context) {
	for {
		wait := look
		now := r.settings.now()
		if _, changes := r.view.Load().standing(now); !changes.IsZero() {
			if until := changes.Sub(now); until < wait {
				wait = until
			}
		}
		if wait < time.Millisecond {
			wait = time.Millisecond
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.clock:
			timer.Stop()
		case <-timer.C:
			r.mu.Lock()
			r.lookAt(r.view.Load())
			r.mu.Unlock()
		}
	}
}

// callBack calls OnState and OnUpdate, one after the other.
func (r *Runtime) callBack(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.callbacks:
		}
		r.mu.Lock()
		snapshot, isStateNew, status := r.toApply, r.isStateNew, r.statusNow()
		r.toApply, r.isStateNew = nil, false
		r.mu.Unlock()
		if isStateNew && r.settings.OnState != nil {
			r.settings.OnState(status)
		}
		if snapshot == nil || r.settings.OnUpdate == nil || ctx.Err() != nil {
			continue
		}
		err := r.settings.OnUpdate(snapshot)
		if err != nil {
			r.settings.Logger.Error("signet: OnUpdate failed", "sequence", snapshot.Sequence, "error", err.Error())
		}
		r.change(func(status *Status) {
			status.ApplyErr = err
			r.applied = snapshot
		})
		r.tellOutcome()
	}
}

// accept notes that the server has confirmed what is current.
func (r *Runtime) accept() {
	r.mu.Lock()
	r.accepted = r.keeper.current
	r.isWaitErrNew = false
	r.status.Refusal, r.status.Err, r.status.NextRetry = nil, nil, time.Time{}
	r.wake()
	r.mu.Unlock()
	r.tellOutcome()
}

// tellOutcome reports what the server has confirmed, once the program has it.
func (r *Runtime) tellOutcome() {
	r.mu.Lock()
	defer r.mu.Unlock()
	current := r.accepted
	if current == nil {
		return
	}
	state, reason := "applied", ""
	if r.settings.OnUpdate != nil {
		if r.applied == nil || !r.applied.isSame(current) {
			return
		}
		if err := r.status.ApplyErr; err != nil {
			state, reason = "rejected", "apply_failed: "+err.Error()
		}
	}
	name := fmt.Sprint(current.Sequence, " ", current.DeploymentID, " ", current.Hash)
	r.reporter.tell(state, about{current.Sequence, current.DeploymentID}, reason, name)
}

// refuse notes an update that was refused.
func (r *Runtime) refuse(refusal *Refusal, at about) {
	refusal.At, refusal.Sequence = r.settings.now(), at.sequence
	r.settings.Logger.Warn("signet: refused an update", "code", string(refusal.Code), "reason", refusal.Message, "sequence", at.sequence)
	r.change(func(status *Status) {
		status.Refusal = refusal
		status.Refusals++
	})
	r.failWaits(refusal)
	if at.sequence > 0 {
		name := fmt.Sprint(refusal.Code, " ", at.sequence, " ", at.deploymentID)
		r.reporter.tell("rejected", at, string(refusal.Code)+": "+refusal.Message, name)
	}
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// asAPIError is a connection that failed, whatever it failed with.
func asAPIError(err error) *APIError {
	var failed *APIError
	if errors.As(err, &failed) {
		return failed
	}
	return noAnswer(err)
}

package signet

import (
	"time"

	"signet.dev/signet/internal/trust"
)

// State is how well what a runtime has is proven.
type State string

const (
	// Fresh is proven to be the newest.
	Fresh State = "fresh"
	// Stale is proven still, but a new lease is overdue: something newer may be active.
	Stale State = "stale"
	// Expired: the proof has expired. Served on, or closed, as OnExpired says.
	Expired State = "expired"
	// Revoked: a newer root revokes it. Closed, unless OnRevoked says otherwise.
	Revoked State = "revoked"
	// Empty: nothing was proven yet, or nothing is active.
	Empty State = "empty"
)

// Status is what a runtime says about itself.
type Status struct {
	State State
	// Since is when it took this state.
	Since time.Time
	// ProvenUntil is when the proof expires; zero while there is none.
	ProvenUntil time.Time
	// Sequence is of what runs, also while it is closed; 0 for nothing.
	Sequence int64
	// Transport is how it is connected; empty while it is not.
	Transport Transport
	// NextRetry is when it calls the server again; zero while it tries, and while it is connected and refused nothing.
	NextRetry time.Time
	// Err is why it is not connected; nil while it is.
	Err error
	// Refusal is the last update that was refused; nil since a newer one was accepted.
	Refusal *Refusal
	// ApplyErr is what OnUpdate returned last.
	ApplyErr error
	// CacheErr is why CacheDir could not be read or written at last; nil since it could. The runtime goes on without.
	CacheErr error
	// Connections and Refusals count since the runtime was opened.
	Connections, Refusals int
}

// staleAfter is 2/3 of a lease's life: a server renews it after a fifth of its default life, so at least two renewals did not come.
const staleNumerator, staleDenominator = 2, 3

// view is what was proven, as readers see it. It is never changed.
type view struct {
	state     *trust.State
	snapshot  *Snapshot
	onExpired Action
	onRevoked Action
}

func newView(k *keeper, s *settings) *view {
	return &view{k.state, k.current, s.OnExpired, s.OnRevoked}
}

// standing is the state at a time, and when it changes by itself; zero for never.
func (v *view) standing(own time.Time) (State, time.Time) {
	switch v.state.Condition(own) {
	case trust.Empty:
		return Empty, time.Time{}
	case trust.Gone:
		return Revoked, time.Time{}
	case trust.Expired:
		return Expired, time.Time{}
	}
	lease, until := v.state.Lease.Value, v.state.Until()
	stale := lease.IssuedAt.Add(lease.ExpiresAt.Sub(lease.IssuedAt) / staleDenominator * staleNumerator)
	if v.state.Now(own).Before(stale) && stale.Before(until) {
		return Fresh, stale
	}
	if v.state.Now(own).Before(stale) {
		return Fresh, until
	}
	return Stale, until
}

// open is what may be enforced at a time.
func (v *view) open(own time.Time) *Snapshot {
	switch state, _ := v.standing(own); {
	case state == Expired && v.onExpired == Close, state == Revoked && v.onRevoked != Serve:
		return nil
	}
	return v.snapshot
}

func (v *view) fill(status *Status, own time.Time) {
	status.State, _ = v.standing(own)
	if status.State == Fresh || status.State == Stale {
		status.ProvenUntil = v.state.Until()
	}
	if v.state.Running != nil {
		status.Sequence = v.state.Running.Sequence
	}
}

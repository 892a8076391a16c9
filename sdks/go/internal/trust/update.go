package trust

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"signet.dev/signet/internal/strictjson"
)

// maxLeaseAhead is how far a lease may be ahead of a runtime's clock.
const maxLeaseAhead = time.Minute

// Server is where an update comes from: a watch, a poll or files. An error that is no *Error is not a refusal: it is passed on.
type Server interface {
	// Root is the envelope of a root; empty above the newest.
	Root(ctx context.Context, version int64) (string, error)
	// Attestation is the JSON text of one.
	Attestation(ctx context.Context) ([]byte, error)
	// Content is that of the activation, which has size bytes; reading may end after one byte more.
	Content(ctx context.Context, size int64) ([]byte, error)
}

// Attestation is what travels beside a bundle: envelopes, of which nothing is verified yet; empty where there is none.
type Attestation struct{ Lease, Activation, Release string }

// ReadAttestation splits the JSON text of an attestation. Unknown fields are ignored.
func ReadAttestation(text []byte) (Attestation, error) {
	if len(text) > MaxAttestationBytes {
		return Attestation{}, refuse(TooLarge, "the attestation is longer than %d bytes", MaxAttestationBytes)
	}
	object, err := strictjson.Parse(text, maxDepth)
	if err != nil || object.Kind != strictjson.Object {
		return Attestation{}, refuse(Malformed, "the attestation is not an object of strict JSON")
	}
	var flaw error
	envelopeIn := func(field string) string {
		value := object.Get(field)
		switch {
		case value == nil || value.Kind == strictjson.Null:
			return ""
		case value.Kind != strictjson.Object:
			flaw = refuse(Malformed, "%s must be an envelope", field)
		}
		return string(value.Raw)
	}
	read := Attestation{envelopeIn("lease"), envelopeIn("activation"), envelopeIn("release")}
	if proof := object.Get("proof"); proof != nil && proof.Kind != strictjson.Null && proof.Kind != strictjson.String {
		flaw = refuse(Malformed, "proof must be a text")
	}
	return read, flaw
}

// LeaseRootVersion is the root that the lease of an attestation names; 0 where it cannot be read. It is not verified: it only decides what is
// asked for.
func LeaseRootVersion(attestation []byte) int64 {
	read, err := ReadAttestation(attestation)
	if err != nil || read.Lease == "" {
		return 0
	}
	lease, err := readEnvelope(read.Lease)
	if err != nil {
		return 0
	}
	var named struct {
		Version int64 `json:"root_version"`
	}
	if json.Unmarshal(lease.payload, &named) != nil {
		return 0
	}
	return named.Version
}

// Result is what an update came to.
type Result struct {
	// State is the one from now on, also when the update was refused: to keep after the content and before it is applied.
	State *State
	// Content is new and not yet parsed; nil where it is the one that ran before, and where nothing is active.
	Content []byte
	// Err is why the update was refused; nil when it was accepted.
	Err error
}

// Verify verifies an update in the order of docs/trust.md, steps 0 to 5. Step 6, to keep it and to apply it, is the caller's. The error
// is what the server returned that is no refusal.
func Verify(ctx context.Context, state *State, server Server, own time.Time, maxContent int64) (Result, error) {
	// Step 0: fixed for the update, whatever roots do to the lease that it comes from.
	run := &update{state: state, server: server, now: state.Now(own), maxContent: maxContent}
	content, err := run.verify(ctx)
	var refusal *Error
	if err != nil && !errors.As(err, &refusal) {
		return Result{State: run.state}, err
	}
	return Result{run.state, content, err}, nil
}

type update struct {
	state      *State
	server     Server
	now        time.Time
	maxContent int64
}

func (u *update) verify(ctx context.Context) ([]byte, error) {
	if err := u.roots(ctx); err != nil {
		return nil, err
	}
	text, err := u.server.Attestation(ctx)
	if err != nil {
		return nil, err
	}
	attestation, err := ReadAttestation(text)
	if err != nil {
		return nil, err
	}
	lease, err := u.lease(attestation)
	if err != nil {
		return nil, err
	}
	after := *u.state
	after.Lease = lease
	if lease.Value.Activation == "" {
		// The release stays: its number is a floor of the authors', which no server may take away.
		after.Activation, after.Running, after.IsProven = nil, nil, false
		u.state = &after
		return nil, nil
	}
	if after.IsProven && after.Activation != nil && after.Activation.Digest == lease.Value.Activation {
		u.state = &after
		return nil, nil
	}
	if after.Activation, err = u.activation(attestation, lease.Value); err != nil {
		return nil, err
	}
	release, err := u.release(attestation, after.Activation.Value)
	if err != nil {
		return nil, err
	}
	content, err := u.content(ctx, after.Activation.Value)
	if err != nil {
		return nil, err
	}
	after.Release = release
	after.Running, after.IsProven = runningBy(after.Activation, release), true
	u.state = &after
	return content, nil
}

// roots is step 1.
func (u *update) roots(ctx context.Context) error {
	// Level 0 has no next version.
	if u.state.Root.Version == 0 {
		return nil
	}
	for followed := 0; followed < maxRootsAtOnce; followed++ {
		envelope, err := u.server.Root(ctx, u.state.Root.Version+1)
		if err != nil {
			return err
		}
		if envelope == "" {
			break
		}
		next, err := nextRoot(envelope, u.state.Root)
		if err != nil {
			return err
		}
		// Kept from here on, whatever becomes of the rest.
		u.state = u.state.under(next, envelope)
	}
	if root := u.state.Root; !u.now.Before(root.ExpiresAt) {
		return refuse(RootExpired, "root %d expired at %s", root.Version, root.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

// lease is step 2.
func (u *update) lease(attestation Attestation) (*Held[Lease], error) {
	if attestation.Lease == "" {
		return nil, refuse(Malformed, "the attestation has no lease")
	}
	held, err := verifyLease(attestation.Lease, u.state.Root, u.state.Identity)
	if err != nil {
		return nil, err
	}
	lease, floor, root := held.Value, u.state.Floor(), u.state.Root
	switch {
	// A lease of a project with roots is good for a runtime of level 0, which follows none.
	case root.Version != 0 && lease.RootVersion > root.Version:
		return nil, refuse(RootWithheld, "the lease is of root %d, and the server serves %d", lease.RootVersion, root.Version)
	case lease.IssuedAt.After(u.now.Add(maxLeaseAhead)):
		return nil, refuse(Clock, "the lease is issued at %s", lease.IssuedAt.Format(time.RFC3339))
	case !u.now.Before(lease.ExpiresAt):
		return nil, refuse(LeaseExpired, "the lease expired at %s", lease.ExpiresAt.Format(time.RFC3339))
	case lease.Sequence < floor.Sequence:
		return nil, refuse(RolledBack, "sequence %d is below %d", lease.Sequence, floor.Sequence)
	case lease.Sequence == floor.Sequence && floor.Sequence > 0 && lease.Activation != floor.Activation:
		return nil, refuse(Equivocation, "sequence %d has another activation than before", lease.Sequence)
	case lease.IssuedAt.Before(floor.IssuedAt):
		return nil, refuse(LeaseOlder, "the lease is of %s, before the last one", lease.IssuedAt.Format(time.RFC3339))
	}
	return held, nil
}

// activation is step 3.
func (u *update) activation(attestation Attestation, lease Lease) (*Held[Activation], error) {
	if attestation.Activation == "" {
		return nil, refuse(Malformed, "the attestation has no activation")
	}
	if err := requireDigest(attestation.Activation, lease.Activation, "the activation is not the lease's"); err != nil {
		return nil, err
	}
	held, err := verifyActivation(attestation.Activation, u.state.Root, u.state.Identity)
	if err != nil {
		return nil, err
	}
	activation := held.Value
	switch {
	case activation.Sequence != lease.Sequence:
		return nil, refuse(MixAndMatch, "the activation has sequence %d, the lease %d", activation.Sequence, lease.Sequence)
	case activation.Size > u.maxContent:
		return nil, refuse(TooLarge, "the content has %d bytes, more than %d", activation.Size, u.maxContent)
	case u.state.Root.revoked[activation.Content]:
		return nil, refuse(Revoked, "the content %s is revoked", activation.Content)
	}
	return held, nil
}

// release is step 4. It returns nil where the root asks for none.
func (u *update) release(attestation Attestation, activation Activation) (*Held[Release], error) {
	root, environment := u.state.Root, u.state.Identity.Environment
	if !root.asksForRelease(environment) {
		return nil, nil
	}
	if activation.Release == "" || attestation.Release == "" {
		return nil, refuse(ReleaseMissing, "the root asks for a release, and there is none")
	}
	if err := requireDigest(attestation.Release, activation.Release, "the release is not the activation's"); err != nil {
		return nil, err
	}
	if root.revoked[activation.Release] {
		return nil, refuse(Revoked, "the release %s is revoked", activation.Release)
	}
	held, err := verifyRelease(attestation.Release, root, u.state.Identity)
	if err != nil {
		return nil, err
	}
	release, last := held.Value, u.state.Release
	if err := requireReleased(release, activation, environment); err != nil {
		return nil, err
	}
	if !release.ExpiresAt.IsZero() && !u.now.Before(release.ExpiresAt) {
		return nil, refuse(ReleaseExpired, "release %d expired at %s", release.Number, release.ExpiresAt.Format(time.RFC3339))
	}
	if root.byReleaseNumber && last != nil && release.Number < last.Value.Number {
		return nil, refuse(RolledBack, "release %d is below %d", release.Number, last.Value.Number)
	}
	return held, nil
}

// requireDigest compares the digest of a payload before any signature is looked at.
func requireDigest(text, wanted, otherwise string) error {
	read, err := readEnvelope(text)
	if err != nil {
		return err
	}
	if Digest(read.payload) != wanted {
		return refuse(MixAndMatch, "%s", otherwise)
	}
	return nil
}

// content is step 5. It returns nil for what runs already.
func (u *update) content(ctx context.Context, activation Activation) ([]byte, error) {
	running := u.state.Running
	if running != nil && running.Content == activation.Content && running.Size == activation.Size {
		return nil, nil
	}
	content, err := u.server.Content(ctx, activation.Size)
	if err != nil {
		return nil, err
	}
	switch {
	case int64(len(content)) > activation.Size:
		return nil, refuse(TooLarge, "the content has more than the %d bytes that it declares", activation.Size)
	case int64(len(content)) < activation.Size:
		return nil, refuse(Truncated, "the content has %d of %d bytes", len(content), activation.Size)
	case Digest(content) != activation.Content:
		return nil, refuse(DigestMismatch, "the content is not the activation's")
	}
	if content == nil {
		content = []byte{}
	}
	return content, nil
}

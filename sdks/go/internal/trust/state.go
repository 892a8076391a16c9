package trust

import (
	"errors"
	"time"
)

// Stored is what a runtime keeps on its disk beside the content: the envelopes, from which everything else follows. The floors are those
// of the envelopes, so that where one no longer verifies, its floor goes with it.
type Stored struct {
	Type     string         `json:"type"`
	Identity StoredIdentity `json:"identity"`
	// Roots follow the pinned one, which is not among them.
	Roots []StoredRoot `json:"roots"`
	// Lease, Activation and Release are envelopes, nil for none.
	Lease      *string `json:"lease"`
	Activation *string `json:"activation"`
	Release    *string `json:"release"`
}

// StoredType is the Type of Stored.
const StoredType = "signet-state/1"

// StoredIdentity is an Identity on the disk.
type StoredIdentity struct {
	OrgID       string `json:"orgId"`
	ProjectID   string `json:"projectId"`
	Environment string `json:"environment"`
}

// StoredRoot is a root that follows the pinned one.
type StoredRoot struct {
	// Version is a hint, by which roots up to a newer pinned one are skipped.
	Version  int64  `json:"version"`
	Envelope string `json:"envelope"`
}

// Running is what a runtime enforces.
type Running struct {
	// Content and Activation are digests: of its bytes, and of the activation's payload.
	Content, Activation string
	Size                int64
	Sequence            int64
	// Release is the digest of the payload of the one that was verified; empty where the root asks for none.
	Release string
}

// State is what was verified by the newest root. It is never changed: an update makes a new one.
type State struct {
	Identity Identity
	// Root is the newest one.
	Root       *Root
	Roots      []StoredRoot
	Lease      *Held[Lease]
	Activation *Held[Activation]
	Release    *Held[Release]
	// Running is kept when a newer root no longer proves it.
	Running *Running
	// IsProven tells whether the newest root proves what runs.
	IsProven bool
}

// Condition is how good what runs is.
type Condition string

// The conditions.
const (
	Fresh   Condition = "fresh"
	Expired Condition = "expired"
	Gone    Condition = "revoked"
	Empty   Condition = "empty"
)

// Floor is what the next lease must not undercut.
type Floor struct {
	Sequence   int64
	Activation string
	// IssuedAt is zero where there is no lease.
	IssuedAt time.Time
}

// Floor is that of the newer of lease and activation: after a change of keys one of them may be gone.
func (s *State) Floor() Floor {
	var floor Floor
	if s.Lease != nil {
		floor = Floor{s.Lease.Value.Sequence, s.Lease.Value.Activation, s.Lease.Value.IssuedAt}
	}
	if s.Activation != nil && s.Activation.Value.Sequence > floor.Sequence {
		floor.Sequence, floor.Activation = s.Activation.Value.Sequence, s.Activation.Digest
	}
	return floor
}

// Now is the time that a runtime goes by: its own clock's, but not before the newest lease that it saw.
func (s *State) Now(own time.Time) time.Time {
	if s.Lease != nil && own.Before(s.Lease.Value.IssuedAt) {
		return s.Lease.Value.IssuedAt
	}
	return own
}

// Until is the earlier of the expiries of lease and release; zero without a lease.
func (s *State) Until() time.Time {
	if s.Lease == nil {
		return time.Time{}
	}
	until := s.Lease.Value.ExpiresAt
	if s.Release != nil && s.Root.asksForRelease(s.Identity.Environment) {
		if end := s.Release.Value.ExpiresAt; !end.IsZero() && end.Before(until) {
			return end
		}
	}
	return until
}

// Condition is how good what runs is at a time.
func (s *State) Condition(own time.Time) Condition {
	switch {
	case s.Running == nil:
		return Empty
	case s.Root.revoked[s.Running.Content] || s.Root.revoked[s.Running.Release]:
		return Gone
	case s.IsProven && s.Lease != nil && s.Now(own).Before(s.Until()):
		return Fresh
	}
	return Expired
}

// Stored is what of a state is kept on the disk.
func (s *State) Stored() Stored {
	stored := Stored{
		Type:     StoredType,
		Identity: StoredIdentity(s.Identity),
		Roots:    append([]StoredRoot{}, s.Roots...),
	}
	if s.Lease != nil {
		stored.Lease = &s.Lease.Envelope
	}
	if s.Activation != nil {
		stored.Activation = &s.Activation.Envelope
	}
	if s.Release != nil {
		stored.Release = &s.Release.Envelope
	}
	return stored
}

// Restore verifies what a runtime finds on its disk, as if it came from a stranger: roots from the pinned one on, then each envelope, then
// the content. What fails is left out and keeps no floor; nothing else is lost. Times are not checked. The error is the first flaw, and
// the state is good all the same.
//
// stored is nil when there is nothing, and content when it is lost.
func Restore(stored *Stored, pinned *Root, content []byte, identity Identity) (*State, error) {
	state := &State{Identity: identity, Root: pinned}
	if stored == nil {
		return state, nil
	}
	if stored.Identity != StoredIdentity(identity) {
		return state, refuse(WrongIdentity, "the stored state is of another environment")
	}
	var flaw error
	note := func(err error) {
		if flaw == nil {
			flaw = err
		}
	}
	for _, one := range stored.Roots {
		// Level 0 has no next version.
		if pinned.Version == 0 || one.Version <= pinned.Version {
			continue
		}
		next, err := nextRoot(one.Envelope, state.Root)
		if err != nil {
			note(err)
			break
		}
		state.Root = next
		state.Roots = append(state.Roots, StoredRoot{next.Version, one.Envelope})
	}
	state.hold(stored.Lease, stored.Activation, stored.Release, note)
	if content == nil || state.Activation == nil {
		return state, flaw
	}
	activation := state.Activation.Value
	if int64(len(content)) != activation.Size || Digest(content) != activation.Content {
		note(refuse(DigestMismatch, "the stored content is not the activation's"))
	} else if err := state.requireSet(); err != nil {
		note(err)
	} else {
		state.Running = runningBy(state.Activation, state.releaseFor(activation))
		state.IsProven = state.proves()
	}
	return state, flaw
}

// under is a state after a root was followed: what is held is verified again. Where it no longer verifies, its floor goes with it; so a
// runtime recovers from a server that was seized and counted ahead. What runs goes on running.
func (s *State) under(root *Root, envelope string) *State {
	after := *s
	after.Root = root
	after.Roots = append(append([]StoredRoot{}, s.Roots...), StoredRoot{root.Version, envelope})
	stored := s.Stored()
	after.hold(stored.Lease, stored.Activation, stored.Release, func(error) {})
	after.IsProven = after.proves()
	return &after
}

// hold verifies envelopes by the root, and keeps those that are good.
func (s *State) hold(lease, activation, release *string, note func(error)) {
	s.Lease, s.Activation, s.Release = nil, nil, nil
	var err error
	if lease != nil {
		if s.Lease, err = verifyLease(*lease, s.Root, s.Identity); err != nil {
			note(err)
		}
	}
	if activation != nil {
		if s.Activation, err = verifyActivation(*activation, s.Root, s.Identity); err != nil {
			note(err)
		}
	}
	if release != nil && s.Root.asksForRelease(s.Identity.Environment) {
		if s.Release, err = verifyRelease(*release, s.Root, s.Identity); err != nil {
			note(err)
		}
	}
}

// proves tells whether what is held belongs together, and nothing of it is revoked: then a new lease for it renews it.
func (s *State) proves() bool {
	if s.Activation == nil || s.Running == nil || s.Running.Content != s.Activation.Value.Content || s.requireSet() != nil {
		return false
	}
	release := s.releaseFor(s.Activation.Value)
	return !s.Root.revoked[s.Activation.Value.Content] && (release == nil || !s.Root.revoked[release.Digest])
}

// requireSet checks that lease, activation and release name each other.
func (s *State) requireSet() error {
	if s.Lease != nil && s.Lease.Value.Activation != s.Activation.Digest {
		return refuse(MixAndMatch, "the stored activation is not the lease's")
	}
	switch {
	case !s.Root.asksForRelease(s.Identity.Environment):
		return nil
	case s.Release == nil:
		return refuse(ReleaseMissing, "the stored activation has no release")
	case s.Release.Digest != s.Activation.Value.Release:
		return refuse(MixAndMatch, "the stored release is not the activation's")
	}
	return requireReleased(s.Release.Value, s.Activation.Value, s.Identity.Environment)
}

func (s *State) releaseFor(activation Activation) *Held[Release] {
	if s.Release != nil && s.Release.Digest == activation.Release {
		return s.Release
	}
	return nil
}

func runningBy(activation *Held[Activation], release *Held[Release]) *Running {
	value := activation.Value
	running := &Running{Content: value.Content, Activation: activation.Digest, Size: value.Size, Sequence: value.Sequence}
	if release != nil {
		running.Release = release.Digest
	}
	return running
}

// Authors are who signed the release that allows what runs, by the root's names for them; a key's id of 16 digits where it has none.
func (s *State) Authors() []string {
	read, err := readEnvelope(s.Release.Envelope)
	if err != nil {
		return nil
	}
	keys := s.Root.ruleOf(roleRelease, s.Identity.Environment).keys
	var authors []string
	for _, key := range read.signers(keys, len(keys)) {
		name := s.Root.Names[key.ID]
		if name == "" {
			name = key.ID[:16]
		}
		authors = append(authors, name)
	}
	return authors
}

// CodeOf returns the code of a refusal; empty for anything else.
func CodeOf(err error) string {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

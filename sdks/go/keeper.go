package signet

import (
	"context"
	"time"

	"signet.dev/signet/internal/filecache"
	"signet.dev/signet/internal/trust"
)

// keeper holds what was proven: it verifies what comes, stores it, and says what is current by it. It is used by one goroutine.
type keeper struct {
	cache      *filecache.Cache
	maxContent int64
	now        func() time.Time

	state *trust.State
	// content is what runs; nil when nothing does.
	content []byte
	// current is what was proven last, also when the proof has expired since.
	current *Snapshot
	// seen is the digest of the activation that current is of.
	seen string
	// cacheErr is why the cache failed last; nil since it worked.
	cacheErr error
}

// openKeeper starts from what is stored, verified as if it came from a stranger; without anything good there, from the pinned root.
func openKeeper(config *settings) *keeper {
	k := &keeper{maxContent: config.maxContent, now: config.now}
	var stored *trust.Stored
	if config.cacheDir != "" {
		k.cache = filecache.Open(config.cacheDir, config.identity)
		stored, k.content, k.cacheErr = k.cache.Load()
	}
	var flaw error
	k.state, flaw = trust.Restore(stored, config.root, k.content, config.identity)
	if k.cacheErr == nil && flaw != nil {
		k.cacheErr = flaw
	}
	if k.state.Running == nil {
		k.content = nil
	}
	if err := k.see(); err != nil {
		k.cacheErr = err
		bare := *k.state
		bare.Running, bare.IsProven = nil, false
		k.state, k.content = &bare, nil
	}
	return k
}

// position is from where the server is to go on. Without a proof for what runs: from nothing, so that it sends all again.
func (k *keeper) position() position { return positionOf(k.state) }

func positionOf(state *trust.State) position {
	at := position{rootVersion: state.Root.Version}
	if state.IsProven && state.Activation != nil {
		at.sequence, at.deploymentID = state.Activation.Value.Sequence, state.Activation.Value.DeploymentID
	}
	return at
}

// take verifies news, and stores what they change. It returns a *trust.Error for what was refused, and anything else for a connection that
// failed while more was asked for.
func (k *keeper) take(ctx context.Context, it news) error {
	result, err := trust.Verify(ctx, k.state, it.server, k.now(), k.maxContent)
	if err == nil && trust.CodeOf(result.Err) == trust.Malformed && it.whole != nil {
		// The roots that were followed stay.
		k.adopt(ctx, result.State, nil)
		whole, failed := it.whole(ctx)
		if failed != nil {
			return failed
		}
		result, err = trust.Verify(ctx, k.state, whole, k.now(), k.maxContent)
	}
	if err == nil && result.Err == nil && result.Content != nil {
		// Before anything is changed: a content that nobody can read is refused.
		_, _, err := splitContent(result.Content)
		if err != nil {
			return err
		}
	}
	k.adopt(ctx, result.State, result.Content)
	if err != nil {
		return err
	}
	return result.Err
}

// adopt goes over to a state and, unless it is nil, to its content.
func (k *keeper) adopt(ctx context.Context, state *trust.State, content []byte) {
	before := k.state
	k.state = state
	if content != nil {
		k.content = content
	}
	if state.Running == nil {
		k.content = nil
	}
	if isSameState(before, state) {
		return
	}
	k.store(ctx)
	// It was split before.
	_ = k.see()
}

func (k *keeper) store(ctx context.Context) {
	if k.cache == nil {
		return
	}
	floor := k.state.Floor()
	issued := int64(0)
	if !floor.IssuedAt.IsZero() {
		issued = floor.IssuedAt.UnixMilli()
	}
	k.cacheErr = k.cache.Store(ctx, filecache.Entry{
		State:   k.state.Stored(),
		Content: k.content,
		Rank:    []int64{k.state.Root.Version, floor.Sequence, issued},
	})
}

// see makes current of the state. What a newer root no longer proves stays as it was: its proof has expired.
func (k *keeper) see() error {
	running, activation := k.state.Running, k.state.Activation
	if running == nil {
		k.current, k.seen = nil, ""
		return nil
	}
	if activation == nil || activation.Digest != running.Activation {
		return nil
	}
	if k.current != nil && k.seen == running.Activation {
		if k.state.IsProven {
			renewed := *k.current
			renewed.ProvenUntil = k.state.Until()
			k.current = &renewed
		}
		return nil
	}
	policies, scopePolicies, err := splitContent(k.content)
	if err != nil {
		return err
	}
	value := activation.Value
	k.seen = running.Activation
	k.current = &Snapshot{
		Content: k.content, Policies: policies, ScopePolicies: scopePolicies,
		Hash: "sha256:" + value.Content, MediaType: value.MediaType, Version: value.Version, Sequence: value.Sequence,
		DeploymentID: value.DeploymentID, Kind: value.Kind, ActivatedAt: value.ActivatedAt,
		Release: k.release(), ProvenUntil: k.state.Until(),
	}
	return nil
}

func (k *keeper) release() *Release {
	held := k.state.Release
	if held == nil || k.state.Running.Release != held.Digest {
		return nil
	}
	release := &Release{Number: held.Value.Number, Authors: k.state.Authors(), ExpiresAt: held.Value.ExpiresAt}
	if source := held.Value.Source; source != nil {
		release.Source = &Source{source.Repository, source.Revision, source.URL}
	}
	return release
}

// isSameState: the lease that was there is often told again, after each reconnect for one; that is not worth a write to the disk.
func isSameState(one, other *trust.State) bool {
	return one.Root == other.Root && one.IsProven == other.IsProven && envelopeOf(one.Lease) == envelopeOf(other.Lease) &&
		envelopeOf(one.Activation) == envelopeOf(other.Activation) && envelopeOf(one.Release) == envelopeOf(other.Release)
}

func envelopeOf[T any](held *trust.Held[T]) string {
	if held == nil {
		return ""
	}
	return held.Envelope
}

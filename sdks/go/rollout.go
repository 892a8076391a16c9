package signet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Rollout is how far what is active has come.
type Rollout struct {
	// ActiveSequence, Version, DeploymentID and ActiveSince are nil while nothing is active.
	ActiveSequence *int64     `json:"active_sequence"`
	Version        *int64     `json:"version"`
	DeploymentID   *string    `json:"deployment_id"`
	ActiveSince    *time.Time `json:"active_since"`
	// Complete: every live instance applied it; also when none is live.
	Complete bool `json:"complete"`
	// Superseded: something newer became active.
	Superseded bool `json:"superseded"`
	// Live is the sum of the next four.
	Live     int `json:"live"`
	Applied  int `json:"applied"`
	Behind   int `json:"behind"`
	Rejected int `json:"rejected"`
	Unknown  int `json:"unknown"`
	// Laggards did not apply it: those that rejected it first.
	Laggards []Instance `json:"laggards"`
}

// Instance is a program that enforces what is active.
type Instance struct {
	ID string `json:"instance_id"`
	// State is connected, applied or rejected, and Rollout applied, behind, rejected or unknown.
	State   string `json:"state"`
	Rollout string `json:"rollout"`
	// Reason is why it rejected. The instance wrote it: escape it where a person reads it.
	Reason *string `json:"reason"`
	// AppliedSequence, AppliedVersion and BehindBy are nil before it reported.
	AppliedSequence *int64            `json:"applied_sequence"`
	AppliedVersion  *int64            `json:"applied_version"`
	BehindBy        *int64            `json:"behind_by"`
	LastSeen        time.Time         `json:"last_seen"`
	Agent           *string           `json:"agent"`
	Labels          map[string]string `json:"labels"`
	Environment     string            `json:"environment"`
	Live            bool              `json:"live"`
	Connected       bool              `json:"connected"`
}

// Rollout returns how far an activation has come. sequence is that of the activation, 0 for what is active.
func (p *Project) Rollout(ctx context.Context, environment string, sequence int64) (*Rollout, error) {
	path := p.environment(environment, "/rollout")
	if sequence > 0 {
		path += "?sequence=" + strconv.FormatInt(sequence, 10)
	}
	return call[Rollout](ctx, p.client, http.MethodGet, path, nil, nil)
}

// Why a rollout failed.
var (
	// ErrRejected: all live instances have decided, and one or more rejected it.
	ErrRejected = errors.New("signet: instances rejected it")
	// ErrSuperseded: something newer became active.
	ErrSuperseded = errors.New("signet: something newer became active")
	// ErrIncomplete: the context ended before every live instance had applied it.
	ErrIncomplete = errors.New("signet: not every instance applied it in time")
)

// RolloutError is a rollout that was not completed.
type RolloutError struct {
	// Rollout is the last state of it, whose Laggards say why.
	Rollout Rollout

	reason error
	cause  error
}

func (e *RolloutError) Error() string {
	text := fmt.Sprintf("%s: %d of %d live instances applied it", e.reason, e.Rollout.Applied, e.Rollout.Live)
	for _, laggard := range e.Rollout.Laggards {
		if laggard.Reason != nil {
			return fmt.Sprintf("%s; %q: %q", text, laggard.ID, *laggard.Reason)
		}
	}
	return text
}

// Unwrap returns ErrRejected, ErrSuperseded or ErrIncomplete, and why the context ended.
func (e *RolloutError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.reason}
	}
	return []error{e.reason, e.cause}
}

// RolloutQuery is which rollout is waited for.
type RolloutQuery struct {
	// Sequence is of the activation, as Publish and Promote return it; 0 for what is active.
	Sequence int64
	// AtLeast are as many instances as must have applied it. Without it an environment in which nobody lives is complete at once.
	AtLeast int
	// Every is how often the server is asked. Default: 1 s.
	Every time.Duration
}

// WaitForRollout waits until every live instance has applied what is active, or until the context ends. It fails with a *RolloutError: as
// soon as all instances have decided and one rejected it, and as soon as something newer is active.
func (p *Project) WaitForRollout(ctx context.Context, environment string, query RolloutQuery) (*Rollout, error) {
	every := query.Every
	if every <= 0 {
		every = time.Second
	}
	var last *Rollout
	for {
		rollout, err := p.Rollout(ctx, environment, query.Sequence)
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		if err == nil {
			last = rollout
			decided := rollout.Applied + rollout.Rejected
			switch {
			case rollout.Superseded:
				return last, &RolloutError{Rollout: *last, reason: ErrSuperseded}
			case rollout.Complete && rollout.Applied >= query.AtLeast:
				return last, nil
			case rollout.Rejected > 0 && decided == rollout.Live && decided >= query.AtLeast:
				return last, &RolloutError{Rollout: *last, reason: ErrRejected}
			}
		}
		if !sleep(ctx, every) {
			if last == nil {
				last = &Rollout{}
			}
			return last, &RolloutError{Rollout: *last, reason: ErrIncomplete, cause: ctx.Err()}
		}
	}
}

package signet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

const reportTimeout = 10 * time.Second

// maxReason is as much of a reason as the server keeps.
const maxReason = 1000

// report is the outcome of an activation on this instance.
type report struct {
	InstanceID   string            `json:"instance_id"`
	State        string            `json:"state"`
	Sequence     int64             `json:"sequence"`
	DeploymentID string            `json:"deployment_id,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Agent        string            `json:"agent,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	KeyIDs       []string          `json:"key_ids,omitempty"`
}

// reporter tells the fleet view, and tries again until the server has it; only the newest report is sent.
type reporter struct {
	rest   *rest
	log    Logger
	waits  backoff
	fixed  report
	notify chan struct{}

	mu     sync.Mutex
	newest *report
	// last is what was handed over last: it is told once.
	last string
}

func newReporter(s *settings) *reporter {
	fixed := report{InstanceID: s.InstanceID, Agent: s.Agent, Labels: s.Labels, KeyIDs: s.keyIDs}
	if len(fixed.KeyIDs) > 32 {
		fixed.KeyIDs = fixed.KeyIDs[:32]
	}
	return &reporter{rest: s.rest, log: s.Logger, waits: backoff{Backoff: s.Report}, fixed: fixed, notify: make(chan struct{}, 1)}
}

// tell never waits. Key names the outcome.
func (r *reporter) tell(state string, at about, reason, key string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key = state + " " + key
	if key == r.last {
		return
	}
	r.last = key
	it := r.fixed
	if runes := []rune(reason); len(runes) > maxReason {
		reason = string(runes[:maxReason])
	}
	it.State, it.Sequence, it.DeploymentID, it.Reason = state, at.sequence, at.deploymentID, reason
	r.newest = &it
	select {
	case r.notify <- struct{}{}:
	default:
	}
}

// run sends reports until the context ends.
func (r *reporter) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.notify:
		}
		r.waits.reset()
		for {
			it := r.take()
			if it == nil {
				break
			}
			failed := r.send(ctx, it)
			if failed == nil || ctx.Err() != nil {
				continue
			}
			if failed.FromServer && failed.isFinal() {
				r.log.Warn("signet: the server refused a report", "state", it.State, "sequence", it.Sequence, "error", failed.Error())
				continue
			}
			wait := r.waits.after(failed)
			r.log.Debug("signet: a report was not delivered", "error", failed.Error(), "again_in", wait)
			r.giveBack(it)
			if !sleep(ctx, wait) {
				return
			}
		}
	}
}

func (r *reporter) take() *report {
	r.mu.Lock()
	defer r.mu.Unlock()
	it := r.newest
	r.newest = nil
	return it
}

// giveBack keeps a report for the next attempt, unless there is a newer one.
func (r *reporter) giveBack(it *report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newest == nil {
		r.newest = it
	}
}

func (r *reporter) send(ctx context.Context, it *report) *APIError {
	limited, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	body, err := json.Marshal(it)
	if err != nil {
		return noAnswer(err)
	}
	response, err := r.rest.do(limited, http.MethodPost, "/v1/runtimes/status", nil, body)
	if err == nil {
		_, err = read(response, maxErrorBytes)
	}
	var failed *APIError
	if errors.As(err, &failed) {
		return failed
	}
	return nil
}

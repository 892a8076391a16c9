package signet

import (
	"context"
	"errors"
	"time"

	"signet.dev/signet/internal/trust"
)

// Poll asks the server once, verifies what it answers, keeps it in CacheDir, and ends: for cron jobs and for programs that start often.
// Nothing is reported, and no callback is called.
//
// The snapshot is what to enforce: what was there before when the update was refused, nil when there is nothing. The error is a *Refusal,
// an *APIError or a *ConfigError.
func Poll(ctx context.Context, config Config) (*Snapshot, Status, error) {
	settings, err := config.checked()
	if err != nil {
		return nil, Status{}, err
	}
	defer settings.disconnect()
	keeper := openKeeper(settings)
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	it, err := settings.rest.poll(limited, keeper.position(), settings.InstanceID, 0)
	if err == nil && it.server != nil {
		err = keeper.take(limited, it)
	}
	view := newView(keeper, settings)
	status := Status{CacheErr: keeper.cacheErr}
	view.fill(&status, settings.now())
	if trust.CodeOf(err) != "" {
		refusal := refusalOf(err)
		refusal.At, refusal.Sequence = settings.now(), it.about.sequence
		status.Refusal, status.Refusals, err = refusal, 1, refusal
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = noAnswer(ctx.Err())
	}
	return view.open(settings.now()), status, err
}

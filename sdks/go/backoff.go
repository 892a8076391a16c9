package signet

import (
	"context"
	"math/rand"
	"time"
)

// backoff counts failures, and says how long to wait before the next attempt.
type backoff struct {
	Backoff
	ceiling time.Duration
}

// next is the wait after one more failure: anything from 0 to a ceiling that doubles, so that a fleet does not return at once.
func (b *backoff) next() time.Duration {
	if b.ceiling == 0 {
		b.ceiling = b.Base
	}
	wait := time.Duration(rand.Int63n(int64(b.ceiling) + 1))
	if b.ceiling *= 2; b.ceiling > b.Max {
		b.ceiling = b.Max
	}
	return wait
}

// slow is the wait after a failure that does not end by itself: from half of the highest ceiling to all of it.
func (b *backoff) slow() time.Duration {
	b.next()
	return b.Max/2 + time.Duration(rand.Int63n(int64(b.Max)/2+1))
}

func (b *backoff) reset() { b.ceiling = 0 }

// after is the wait after a call failed, on top of what the server asks for: clients that were told the same time must not all return at
// once.
func (b *backoff) after(failed *APIError) time.Duration {
	if failed.isFinal() {
		return failed.RetryAfter + b.slow()
	}
	return failed.RetryAfter + b.next()
}

// sleep returns false when the context ended before.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

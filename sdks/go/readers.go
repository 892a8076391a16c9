package signet

import (
	"context"
	"sync"
)

// readers are the channels of Updates. Callers hold the lock that it is made with.
type readers struct {
	lock   sync.Locker
	all    map[*reader]struct{}
	isOver bool
}

type reader struct {
	to   chan *Snapshot
	stop func() bool
}

func newReaders(lock sync.Locker) *readers {
	return &readers{lock: lock, all: map[*reader]struct{}{}}
}

// add returns a channel that begins with current, unless it is nil.
func (r *readers) add(ctx context.Context, current *Snapshot) <-chan *Snapshot {
	it := &reader{to: make(chan *Snapshot, 1)}
	if r.isOver || ctx.Err() != nil {
		close(it.to)
		return it.to
	}
	if current != nil {
		it.to <- current
	}
	r.all[it] = struct{}{}
	it.stop = context.AfterFunc(ctx, func() {
		r.lock.Lock()
		defer r.lock.Unlock()
		r.leave(it)
	})
	return it.to
}

// tell replaces what readers have not taken yet.
func (r *readers) tell(snapshot *Snapshot) {
	for it := range r.all {
		select {
		case <-it.to:
		default:
		}
		// There is room for one, and only this goroutine sends.
		it.to <- snapshot
	}
}

func (r *readers) leave(it *reader) {
	if _, isThere := r.all[it]; isThere {
		delete(r.all, it)
		close(it.to)
	}
}

func (r *readers) close() {
	r.isOver = true
	for it := range r.all {
		it.stop()
		r.leave(it)
	}
}

package signet

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cutter is a proxy that cuts each connection after some bytes of an answer, or after some time.
type cutter struct {
	net.Listener
	to string
	// maxBytes and maxTime are what a connection lives for at most.
	maxBytes int64
	maxTime  time.Duration
	isOff    atomic.Bool
	cuts     atomic.Int64
	wait     sync.WaitGroup
}

func startCutter(t testing.TB, to string, maxBytes int64, maxTime time.Duration) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: listener, to: strings.TrimPrefix(to, "http://"), maxBytes: maxBytes, maxTime: maxTime}
	c.wait.Add(1)
	go func() {
		defer c.wait.Done()
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.wait.Add(1)
			go func() {
				defer c.wait.Done()
				c.carry(client)
			}()
		}
	}()
	t.Cleanup(c.stop)
	return c
}

func (c *cutter) stop() {
	_ = c.Close()
	c.wait.Wait()
}

func (c *cutter) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	var up sync.WaitGroup
	up.Add(1)
	go func() {
		defer up.Done()
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	if c.isOff.Load() {
		_, _ = io.Copy(client, server)
	} else {
		_ = server.SetReadDeadline(time.Now().Add(time.Duration(rand.Int63n(int64(c.maxTime)))))
		_, _ = io.Copy(client, io.LimitReader(server, rand.Int63n(c.maxBytes)))
		c.cuts.Add(1)
		if tcp, isTCP := client.(*net.TCPConn); isTCP && rand.Intn(2) == 0 {
			// A reset, in place of an end.
			_ = tcp.SetLinger(0)
		}
	}
	_ = client.Close()
	up.Wait()
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// TestCuts cuts the connections of a runtime again and again while policies change: it is never wrong, and ends on the newest.
func TestCuts(t *testing.T) {
	cuts := int64(1000)
	if testing.Short() {
		cuts = 150
	}
	server := startFake(t)
	padded := func(number int64) string {
		return fmt.Sprintf(`{"policies":{"number":%d,"padding":"%s"},"scope_policies":{}}`, number, strings.Repeat("x", 4000))
	}
	server.publish(padded(1))
	proxy := startCutter(t, server.URL, 24_000, 60*time.Millisecond)
	it := open(t, server.config(func(config *Config) {
		config.URL = "http://" + proxy.Addr().String()
		config.CacheDir = t.TempDir()
		config.Reconnect = Backoff{time.Millisecond, 4 * time.Millisecond}
		config.Refused = Backoff{time.Millisecond, 4 * time.Millisecond}
		config.Climb = 20 * time.Millisecond
		config.NoReports = true
	}))
	ctx, cancel := context.WithCancel(context.Background())
	var seen int64
	var wrong atomic.Value
	var reading sync.WaitGroup
	reading.Add(1)
	updates := it.Updates(ctx)
	var last atomic.Int64
	go func() {
		defer reading.Done()
		for snapshot := range updates {
			seen++
			if snapshot.Sequence <= last.Load() || string(snapshot.Content) != padded(snapshot.Sequence) {
				wrong.Store(fmt.Sprintf("sequence %d after %d", snapshot.Sequence, last.Load()))
			}
			last.Store(snapshot.Sequence)
		}
	}()
	warm := cuts / 10
	until(t, "the first cuts", func() bool { return proxy.cuts.Load() >= warm })
	goroutines, memory := runtime.NumGoroutine(), heap()
	newest := int64(1)
	began := time.Now()
	for proxy.cuts.Load() < cuts {
		if time.Since(began) > 3*time.Minute {
			t.Fatalf("%d cuts", proxy.cuts.Load())
		}
		newest = server.publish(padded(newest + 1))
		time.Sleep(time.Duration(rand.Int63n(int64(20 * time.Millisecond))))
		if status := it.Status(); status.Refusal != nil || status.State == Expired || status.State == Revoked {
			t.Fatalf("%+v", status)
		}
	}
	proxy.isOff.Store(true)
	until(t, "the newest", hasSequence(it, newest))
	until(t, "the newest as an update", func() bool { return last.Load() == newest })
	status := it.Status()
	after, memoryAfter := 0, heap()
	until(t, "as few goroutines as before", func() bool {
		after = runtime.NumGoroutine()
		return after <= goroutines+8
	})
	cancel()
	reading.Wait()
	if what := wrong.Load(); what != nil {
		t.Fatal(what)
	}
	if status.Refusals != 0 {
		t.Fatalf("%d refusals", status.Refusals)
	}
	if memoryAfter > memory+4<<20 {
		t.Fatalf("the heap grew from %d to %d bytes", memory, memoryAfter)
	}
	t.Logf("%d cuts in %s: %d connections, %d of %d activations seen, goroutines %d then %d, heap %d KiB then %d KiB",
		proxy.cuts.Load(), time.Since(began).Round(time.Millisecond), status.Connections, seen, newest,
		goroutines, after, memory>>10, memoryAfter>>10)
}

package signet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func open(t testing.TB, config Config) *Runtime {
	t.Helper()
	it, err := Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = it.Close() })
	return it
}

func ready(t testing.TB, it *Runtime) *Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	snapshot, err := it.WaitReady(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func hasSequence(it *Runtime, sequence int64) func() bool {
	return func() bool {
		current := it.Current()
		return current != nil && current.Sequence == sequence
	}
}

func onlyBy(transports ...Transport) func(*Config) {
	return func(config *Config) { config.Transports = transports }
}

func TestFollows(t *testing.T) {
	for _, transport := range []Transport{Events, Polls} {
		transport := transport
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			server := startFake(t)
			server.publish(numbered(1))
			it := open(t, server.config(onlyBy(transport)))
			first := ready(t, it)
			if string(first.Content) != numbered(1) || first.Hash != "sha256:"+sha256Hex(numbered(1)) || first.Sequence != 1 ||
				first.Version != 1 || first.Kind != "publish" || first.MediaType != "application/json" || first.Release != nil {
				t.Fatalf("%+v", first)
			}
			for number := 2; number <= 4; number++ {
				until(t, "the update", hasSequence(it, server.publish(numbered(number))))
			}
			var policies struct {
				Exact  json.Number
				Number int
			}
			if err := it.Current().Decode(&policies); err != nil || policies.Number != 4 || policies.Exact != "1.0" {
				t.Fatalf("%+v, %v", policies, err)
			}
			status := it.Status()
			if status.State != Fresh || status.Transport != transport || status.Sequence != 4 || status.Refusal != nil ||
				status.Err != nil || status.ProvenUntil.Before(time.Now()) {
				t.Fatalf("%+v", status)
			}
			reported := server.reported(t, func(it report) bool { return it.Sequence == 4 })
			if reported.State != "applied" || reported.InstanceID != "test" || reported.Agent != "test/1" || reported.DeploymentID == "" {
				t.Fatalf("%+v", reported)
			}
		})
	}
}

func TestLevel0PinsKeys(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	pinned := func(config *Config) { config.Root, config.Keys = "", []string{server.online.pem()} }
	it := open(t, server.config(pinned))
	ready(t, it)
	reported := server.reported(t, func(it report) bool { return it.Sequence == 1 })
	if len(reported.KeyIDs) != 1 || reported.KeyIDs[0] != server.online.key.ID[:16] {
		t.Fatalf("%+v", reported)
	}
	other := open(t, server.config(func(config *Config) { config.Root, config.Keys = "", []string{server.desk.pem()} }))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := other.WaitReady(ctx); !errors.Is(err, ErrBadSignature) {
		t.Fatal(err)
	}
}

func TestServerAwayAtStart(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	var isAway atomic.Bool
	isAway.Store(true)
	server.mu.Lock()
	server.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		if isAway.Load() {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	server.mu.Unlock()
	began := time.Now()
	it := open(t, server.config())
	if took := time.Since(began); took > time.Second {
		t.Fatalf("Open took %s", took)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := it.WaitReady(ctx); !errors.Is(err, ErrNotReady) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if it.Current() != nil || it.Status().State != Empty || it.Status().Err == nil {
		t.Fatalf("%+v", it.Status())
	}
	isAway.Store(false)
	ready(t, it)
}

func TestWaitReadySaysWhatOnlyAPersonCanMend(t *testing.T) {
	server := startFake(t)
	it := open(t, server.config(func(config *Config) { config.Token = "wrong" }))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := it.WaitReady(ctx)
	var failed *APIError
	if !errors.Is(err, ErrUnauthenticated) || !errors.As(err, &failed) || failed.RequestID != "request-1" || !failed.FromServer {
		t.Fatal(err)
	}
}

func TestTokenFuncIsAskedAgain(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	var asked atomic.Int32
	it := open(t, server.config(func(config *Config) {
		config.Token = ""
		config.TokenFunc = func(context.Context) (string, error) {
			switch asked.Add(1) {
			case 1:
				return "", errors.New("the file is not there yet")
			case 2:
				return "broken\n", nil
			case 3:
				return "old", nil
			}
			return "secret", nil
		}
	}))
	until(t, "the token", hasSequence(it, 1))
}

func TestStartsFromItsCache(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	cached := func(config *Config) { config.CacheDir = t.TempDir() }
	config := server.config(cached)
	first := open(t, config)
	ready(t, first)
	until(t, "the cache", func() bool { return first.Status().CacheErr == nil })
	_ = first.Close()
	server.publish(numbered(2))
	// Whoever answers now has an old backup.
	config.URL = "http://127.0.0.1:1"
	away := open(t, config)
	current := away.Current()
	if current == nil || current.Sequence != 1 || string(current.Content) != numbered(1) {
		t.Fatalf("%+v", current)
	}
	_ = away.Close()
	config.URL = server.URL
	last := open(t, config)
	until(t, "the newest", hasSequence(last, 2))
}

func TestRefusesToGoBackAfterARestart(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	server.publish(numbered(2))
	config := server.config(func(config *Config) { config.CacheDir = t.TempDir() })
	first := open(t, config)
	until(t, "2", hasSequence(first, 2))
	_ = first.Close()
	server.mu.Lock()
	server.sequence = 0
	server.mu.Unlock()
	server.publish(numbered(1))
	second := open(t, config)
	until(t, "the refusal", func() bool { return second.Status().Refusal != nil })
	if refusal := second.Status().Refusal; !errors.Is(refusal, ErrRolledBack) || refusal.Sequence != 1 {
		t.Fatal(refusal)
	}
	if !hasSequence(second, 2)() {
		t.Fatal("it went back")
	}
	reported := server.reported(t, func(it report) bool { return it.State == "rejected" })
	if reported.Sequence != 1 || reported.Reason[:len("rolled_back: ")] != "rolled_back: " {
		t.Fatalf("%+v", reported)
	}
}

func TestStaysForWhatIsNewerAfterARefusal(t *testing.T) {
	for _, transport := range []Transport{Events, Polls} {
		transport := transport
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			server := startFake(t)
			server.publish(numbered(1))
			it := open(t, server.config(onlyBy(transport), func(config *Config) {
				config.Refused = Backoff{time.Hour, time.Hour}
			}))
			ready(t, it)
			server.mu.Lock()
			server.change = func(all map[string]any) { all["activation"] = nil }
			server.mu.Unlock()
			server.publish(numbered(2))
			until(t, "the refusal", func() bool { return errors.Is(it.Status().Refusal, ErrMalformed) })
			if !hasSequence(it, 1)() {
				t.Fatal("what it had is gone")
			}
			server.mu.Lock()
			server.change = nil
			server.mu.Unlock()
			until(t, "what is newer", hasSequence(it, server.publish(numbered(3))))
			if status := it.Status(); status.Refusal != nil || status.Refusals == 0 || status.Err != nil {
				t.Fatalf("%+v", status)
			}
		})
	}
}

func TestAsksAgainForWhatItRefused(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	server.mu.Lock()
	server.change = func(all map[string]any) { all["activation"] = nil }
	server.mu.Unlock()
	it := open(t, server.config())
	until(t, "refusals", func() bool { return it.Status().Refusals > 2 })
	server.mu.Lock()
	server.change = nil
	server.mu.Unlock()
	until(t, "the update", hasSequence(it, 1))
}

func TestFallsBackToPollsAndClimbsAgain(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	var isBlocked atomic.Bool
	isBlocked.Store(true)
	server.mu.Lock()
	server.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		isStream := r.URL.Path == "/v1/bundles/watch"
		if isStream && isBlocked.Load() {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<h1>blocked by the proxy</h1>"))
			return true
		}
		return false
	}
	server.mu.Unlock()
	it := open(t, server.config(func(config *Config) { config.Climb = 50 * time.Millisecond }))
	ready(t, it)
	if transport := it.Status().Transport; transport != Polls {
		t.Fatal(transport)
	}
	until(t, "2", hasSequence(it, server.publish(numbered(2))))
	isBlocked.Store(false)
	until(t, "the stream", func() bool { return it.Status().Transport == Events })
	until(t, "3", hasSequence(it, server.publish(numbered(3))))
}

func TestLeavesAStreamThatFellSilent(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	server.heartbeat = time.Hour
	it := open(t, server.config(func(config *Config) { config.Heartbeat = 20 * time.Millisecond }, onlyBy(Events)))
	ready(t, it)
	until(t, "another connection", func() bool { return it.Status().Connections > 2 })
}

func TestRefusesRedirects(t *testing.T) {
	server := startFake(t)
	var asked atomic.Int32
	elsewhere := startFake(t)
	elsewhere.mu.Lock()
	elsewhere.refuse = func(http.ResponseWriter, *http.Request) bool { asked.Add(1); return false }
	elsewhere.mu.Unlock()
	server.mu.Lock()
	server.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, elsewhere.URL+r.URL.String(), http.StatusTemporaryRedirect)
		return true
	}
	server.mu.Unlock()
	it := open(t, server.config())
	until(t, "the error", func() bool { return errors.Is(it.Status().Err, ErrUnimplemented) })
	if asked.Load() != 0 {
		t.Fatal("the token went elsewhere")
	}
}

// clock is one that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

func TestExpiry(t *testing.T) {
	for _, action := range []Action{Default, Serve, Close} {
		server := startFake(t)
		server.publish(numbered(1))
		moved := &clock{}
		it := open(t, server.config(func(config *Config) { config.OnExpired, config.Now = action, moved.now }))
		ready(t, it)
		moved.advance(4 * time.Minute)
		if state := it.Status().State; state != Stale || it.Current() == nil {
			t.Fatal(state)
		}
		moved.advance(2 * time.Minute)
		if isOpen := it.Current() != nil; isOpen != (action != Close) {
			t.Fatalf("%d: open is %t", action, isOpen)
		}
		if status := it.Status(); status.State != Expired || !status.ProvenUntil.IsZero() || status.Sequence != 1 {
			t.Fatalf("%+v", status)
		}
	}
}

func TestRevocation(t *testing.T) {
	for _, action := range []Action{Default, Serve, Close} {
		server := startFake(t)
		server.publish(numbered(1))
		it := open(t, server.config(func(config *Config) { config.OnRevoked = action }))
		ready(t, it)
		server.addRoot(map[string]any{"revoked": []string{sha256Hex(numbered(1))}})
		until(t, "the state", func() bool { return it.Status().State == Revoked })
		if isOpen := it.Current() != nil; isOpen != (action == Serve) {
			t.Fatalf("%d: open is %t", action, isOpen)
		}
		until(t, "the next", hasSequence(it, server.publish(numbered(2))))
		if state := it.Status().State; state != Fresh {
			t.Fatal(state)
		}
	}
}

func TestNothingActive(t *testing.T) {
	server := startFake(t)
	it := open(t, server.config())
	until(t, "the connection", func() bool { return it.Status().Transport == Events })
	if it.Current() != nil || it.Status().State != Empty {
		t.Fatalf("%+v", it.Status())
	}
	until(t, "the first", hasSequence(it, server.publish(numbered(1))))
}

func TestOnUpdateErrorIsReportedAsRejected(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	var mu sync.Mutex
	var states []State
	it := open(t, server.config(func(config *Config) {
		config.OnUpdate = func(snapshot *Snapshot) error {
			if snapshot.Sequence == 2 {
				return errors.New("the policies have a rule that this version does not know")
			}
			return nil
		}
		config.OnState = func(status Status) {
			mu.Lock()
			defer mu.Unlock()
			states = append(states, status.State)
		}
	}))
	server.reported(t, func(it report) bool { return it.Sequence == 1 && it.State == "applied" })
	server.publish(numbered(2))
	rejected := server.reported(t, func(it report) bool { return it.Sequence == 2 })
	if rejected.State != "rejected" || rejected.Reason != "apply_failed: the policies have a rule that this version does not know" {
		t.Fatalf("%+v", rejected)
	}
	if !hasSequence(it, 2)() || it.Status().ApplyErr == nil {
		t.Fatalf("%+v", it.Status())
	}
	server.publish(numbered(3))
	server.reported(t, func(it report) bool { return it.Sequence == 3 && it.State == "applied" })
	if it.Status().ApplyErr != nil {
		t.Fatal(it.Status().ApplyErr)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(states) != 1 || states[0] != Fresh {
		t.Fatal(states)
	}
}

func TestSlowOnUpdateHoldsUpNobody(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	release := make(chan struct{})
	var mu sync.Mutex
	var seen []int64
	it := open(t, server.config(func(config *Config) {
		config.OnUpdate = func(snapshot *Snapshot) error {
			mu.Lock()
			seen = append(seen, snapshot.Sequence)
			mu.Unlock()
			if snapshot.Sequence == 1 {
				<-release
			}
			return nil
		}
	}))
	ready(t, it)
	for number := 2; number <= 5; number++ {
		until(t, "the update", hasSequence(it, server.publish(numbered(number))))
	}
	close(release)
	server.reported(t, func(it report) bool { return it.Sequence == 5 && it.State == "applied" })
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 || seen[0] != 1 || seen[1] != 5 {
		t.Fatal(seen)
	}
}

func TestUpdatesHoldTheNewest(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	it := open(t, server.config())
	ready(t, it)
	ctx, cancel := context.WithCancel(context.Background())
	updates, slow := it.Updates(ctx), it.Updates(context.Background())
	if first := <-updates; first.Sequence != 1 {
		t.Fatal(first.Sequence)
	}
	for number := 2; number <= 5; number++ {
		until(t, "the update", hasSequence(it, server.publish(numbered(number))))
	}
	if newest := <-slow; newest.Sequence != 5 {
		t.Fatal(newest.Sequence)
	}
	cancel()
	until(t, "the end", func() bool {
		select {
		case _, isOpen := <-updates:
			return !isOpen
		default:
			return false
		}
	})
	_ = it.Close()
	if _, isOpen := <-slow; isOpen {
		t.Fatal("Updates went on after Close")
	}
	if _, isOpen := <-it.Updates(context.Background()); isOpen {
		t.Fatal("Updates began after Close")
	}
	if _, err := it.WaitReady(context.Background()); err != nil {
		// Current stays what it was: a program may end in its own time.
		t.Fatal(err)
	}
}

func TestReportsAreRepeated(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	var attempts atomic.Int32
	server.mu.Lock()
	server.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/runtimes/status" || attempts.Add(1) > 3 {
			return false
		}
		sayError(w, http.StatusTooManyRequests, "too_many_reports")
		return true
	}
	server.mu.Unlock()
	open(t, server.config())
	server.reported(t, func(it report) bool { return it.Sequence == 1 })
	if attempts.Load() != 4 {
		t.Fatal(attempts.Load())
	}
}

func TestDamagedCacheIsTold(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	config := server.config(func(config *Config) { config.CacheDir = t.TempDir() })
	first := open(t, config)
	ready(t, first)
	_ = first.Close()
	damage(t, config.CacheDir)
	config.URL = "http://127.0.0.1:1"
	second := open(t, config)
	if err := second.Status().CacheErr; err == nil || second.Current() != nil {
		t.Fatal(err, second.Current())
	}
	_ = second.Close()
	if err := os.WriteFile(stateFileIn(t, config.CacheDir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	config.URL = server.URL
	third := open(t, config)
	ready(t, third)
	until(t, "the mended cache", func() bool { return third.Status().CacheErr == nil })
}

func TestOpenIsEndedByItsContext(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	ctx, cancel := context.WithCancel(context.Background())
	it, err := Open(ctx, server.config())
	if err != nil {
		t.Fatal(err)
	}
	ready(t, it)
	cancel()
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestGoroutinesGoBackToBase(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	count := func() int {
		server.CloseClientConnections()
		return runtime.NumGoroutine()
	}
	base := count()
	for round := 0; round < 20; round++ {
		var all []*Runtime
		for _, transport := range []Transport{Events, Polls} {
			it, err := Open(context.Background(), server.config(onlyBy(transport), func(config *Config) {
				config.OnUpdate = func(*Snapshot) error { return nil }
			}))
			if err != nil {
				t.Fatal(err)
			}
			it.Updates(context.Background())
			all = append(all, it)
		}
		for _, it := range all {
			if round%2 == 0 {
				ready(t, it)
			}
			_ = it.Close()
		}
	}
	until(t, "the base", func() bool { return count() <= base })
}

func TestReleasesOfAuthors(t *testing.T) {
	server := startFake(t)
	alice, bob := newSigner(2), newSigner(3)
	named := map[string]any{}
	named["keys"] = map[string]string{}
	for _, it := range []signer{server.online, server.desk, alice, bob} {
		named["keys"].(map[string]string)[it.key.ID] = base64.StdEncoding.EncodeToString(it.key.Public)
	}
	named["names"] = map[string]string{alice.key.ID: "alice"}
	named["environments"] = map[string]any{"prod": map[string]any{
		"release": map[string]any{"threshold": 2, "keyids": []string{alice.key.ID, bob.key.ID}},
	}}
	server.authors = []signer{alice}
	server.publish(numbered(1))
	it := open(t, server.config())
	ready(t, it)
	server.addRoot(named)
	until(t, "the refusal", func() bool { return errors.Is(it.Status().Refusal, ErrBadSignature) })
	if status := it.Status(); status.State != Expired || it.Current().Release != nil {
		t.Fatalf("%+v", status)
	}
	server.mu.Lock()
	server.authors = []signer{alice, bob}
	server.mu.Unlock()
	until(t, "the release of two", hasSequence(it, server.publish(numbered(2))))
	release := it.Current().Release
	if release == nil || release.Number != 2 || len(release.Authors) != 2 || release.Authors[0] != "alice" || release.Authors[1] != bob.key.ID[:16] ||
		release.ExpiresAt.Year() != 2090 || release.Source.Revision != "abc" {
		t.Fatalf("%+v", release)
	}
	if it.Status().State != Fresh {
		t.Fatalf("%+v", it.Status())
	}
}

// A path that cuts requests which are held: they are held for half as long each time, down to not at all; for longer again after some that
// it did not cut.
func TestPollsOnAPathThatCutsThem(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	server.mu.Lock()
	server.refuse = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Prefer") != "" {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	server.mu.Unlock()
	settings, err := server.config(onlyBy(Polls)).checked()
	if err != nil {
		t.Fatal(err)
	}
	defer settings.disconnect()
	rung := newPolls(settings.rest, "test")
	rung.pause = time.Millisecond
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	hush := newSilence(time.Minute, time.Minute, cancel)
	defer hush.stop()
	polled, failed := 0, 0
	for polled < 15 {
		err := rung.follow(ctx, func() position { return position{} }, hush, func(news) error {
			if polled++; polled == 15 {
				return errDue
			}
			return nil
		})
		if !errors.Is(err, errDue) {
			failed++
		}
	}
	if rung.hold != 0 || failed != 5 {
		t.Fatal(rung.hold, failed)
	}
	server.mu.Lock()
	server.refuse = nil
	server.mu.Unlock()
	polled = 0
	err = rung.follow(ctx, func() position { return position{} }, hush, func(news) error {
		if polled++; polled == 6*goodPolls {
			return errDue
		}
		return nil
	})
	if !errors.Is(err, errDue) || rung.hold != longestHold {
		t.Fatal(err, rung.hold)
	}
}

// A server that accepts everything and answers nothing keeps nobody for ever.
func TestAServerThatHangs(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	server.mu.Lock()
	server.refuse = func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	server.mu.Unlock()
	it := open(t, server.config(func(config *Config) { config.FirstMessage = 10 * time.Millisecond }))
	until(t, "the error", func() bool { return errors.Is(it.Status().Err, ErrTimeout) })
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTLS(t *testing.T) {
	server := startFake(t)
	server.publish(numbered(1))
	secure := httptest.NewUnstartedServer(server)
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	t.Cleanup(secure.CloseClientConnections)
	byURL := func(config *Config) { config.URL = secure.URL }
	trusting := open(t, server.config(byURL, func(config *Config) { config.TLS = &tls.Config{RootCAs: roots} }))
	ready(t, trusting)
	if transport := trusting.Status().Transport; transport != Events {
		t.Fatal(transport)
	}
	own := open(t, server.config(byURL, func(config *Config) { config.HTTPClient = secure.Client() }))
	ready(t, own)
	until(t, "2", hasSequence(own, server.publish(numbered(2))))
	other := open(t, server.config(byURL))
	var unknown x509.UnknownAuthorityError
	until(t, "the error", func() bool { return errors.As(other.Status().Err, &unknown) })
	if other.Current() != nil {
		t.Fatal("it trusts anybody")
	}
}

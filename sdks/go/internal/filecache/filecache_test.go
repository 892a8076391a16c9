package filecache

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"signet.dev/signet/internal/trust"
)

var identity = trust.Identity{OrgID: "o", ProjectID: "p", Environment: "prod"}

func entry(content string, rank ...int64) Entry {
	lease := "an envelope <&> \u2028"
	state := trust.Stored{Type: trust.StoredType, Identity: trust.StoredIdentity(identity), Roots: []trust.StoredRoot{}, Lease: &lease}
	return Entry{State: state, Content: []byte(content), Rank: rank}
}

func store(t *testing.T, cache *Cache, it Entry) {
	t.Helper()
	if err := cache.Store(context.Background(), it); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, cache *Cache, content string) {
	t.Helper()
	state, bytes, err := cache.Load()
	if err != nil || state == nil || *state.Lease != "an envelope <&> \u2028" || string(bytes) != content {
		t.Fatalf("%+v, %q, %v", state, bytes, err)
	}
}

func TestNeverReplacesWhatIsNewer(t *testing.T) {
	directory := t.TempDir()
	one, other := Open(directory, identity), Open(directory, identity)
	if state, content, err := one.Load(); state != nil || content != nil || err != nil {
		t.Fatal(state, content, err)
	}
	store(t, one, entry("first", 1, 1, 100))
	holds(t, other, "first")
	store(t, other, entry("second", 1, 2, 90))
	store(t, one, entry("first", 1, 1, 200))
	holds(t, one, "second")
	// A newer root may begin to count again.
	store(t, one, entry("third", 2, 1, 80))
	holds(t, other, "third")
	names, _ := os.ReadDir(one.folder)
	if len(names) != 2 {
		t.Fatal(names)
	}
	elsewhere := Open(directory, trust.Identity{OrgID: "o", ProjectID: "p", Environment: "dev"})
	if state, _, err := elsewhere.Load(); state != nil || err != nil {
		t.Fatal(state, err)
	}
}

func TestWaitsForAnotherProcess(t *testing.T) {
	cache := Open(t.TempDir(), identity)
	store(t, cache, entry("first", 1, 1, 1))
	unlock, err := cache.lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := cache.Store(ctx, entry("second", 1, 2, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	holds(t, cache, "first")
	unlock()
	store(t, cache, entry("second", 1, 2, 1))
	holds(t, cache, "second")
}

func TestGoesOnAfterAProcessThatDied(t *testing.T) {
	cache := Open(t.TempDir(), identity)
	store(t, cache, entry("first", 1, 1, 1))
	long := time.Now().Add(-time.Hour)
	for _, name := range []string{lockName, stateName + ".00.tmp"} {
		path := filepath.Join(cache.folder, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	store(t, cache, entry("second", 1, 2, 1))
	holds(t, cache, "second")
	names, _ := os.ReadDir(cache.folder)
	if len(names) != 2 {
		t.Fatal(names)
	}
}

func TestDamagedStatesAreErrors(t *testing.T) {
	cache := Open(t.TempDir(), identity)
	store(t, cache, entry("first", 1, 1, 1))
	for _, text := range []string{"", "{", "null", `{"rank":[],"content":null,"state":null}`, `{"rank":[],"content":"../x","state":{"type":"signet-state/1"}}`, `{"state":{"type":"other"}}`} {
		if err := os.WriteFile(filepath.Join(cache.folder, stateName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if state, _, err := cache.Load(); err == nil || state != nil {
			t.Errorf("%q: %v, %v", text, state, err)
		}
	}
	// What is damaged is replaced.
	store(t, cache, entry("second", 1, 1, 1))
	holds(t, cache, "second")
	if err := os.Remove(filepath.Join(cache.folder, contentName(trust.Digest([]byte("second"))))); err != nil {
		t.Fatal(err)
	}
	if state, content, err := cache.Load(); state == nil || content != nil || err != nil {
		t.Fatal(state, content, err)
	}
}

// A pipe would be read for ever.
func TestAPipeInThePlaceOfTheState(t *testing.T) {
	directory := t.TempDir()
	cache := Open(directory, identity)
	store(t, cache, entry("first", 1))
	file := filepath.Join(cache.folder, "state.json")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mkfifo", file).Run(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := cache.Load(); err == nil {
		t.Error("a pipe was read")
	}
}

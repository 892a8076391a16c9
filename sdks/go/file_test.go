package signet

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"signet.dev/signet/internal/filecache"
)

func openFile(t *testing.T, config FileConfig) *File {
	t.Helper()
	config.Every = 2 * time.Millisecond
	it, err := OpenFile(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = it.Close() })
	return it
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := filecache.Replace(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFileFollowsWhatIsRenamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policies.json")
	var refused error
	it := openFile(t, FileConfig{Path: path, Kind: FileContent, OnUpdate: func(snapshot *Snapshot) error {
		if string(snapshot.Content) == numbered(3) {
			return errors.New("not this one")
		}
		return nil
	}})
	if it.Current() != nil || !errors.Is(it.Err(), os.ErrNotExist) {
		t.Fatal(it.Current(), it.Err())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := it.WaitReady(ctx); !errors.Is(err, ErrNotReady) || !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	put(t, path, numbered(1))
	updates := it.Updates(context.Background())
	first := <-updates
	if string(first.Policies) != `{"exact":1.0,"number":1}` || first.Hash != "sha256:"+sha256Hex(numbered(1)) {
		t.Fatalf("%+v", first)
	}
	put(t, path, `{"policies":`)
	until(t, "the error", func() bool { return errors.Is(it.Err(), ErrMalformed) })
	if it.Current() != first {
		t.Fatal("what was good is gone")
	}
	put(t, path, numbered(2))
	if second := <-updates; string(second.Content) != numbered(2) || it.Err() != nil {
		t.Fatal(it.Err())
	}
	put(t, path, numbered(3))
	until(t, "the error of OnUpdate", func() bool { refused = it.Err(); return refused != nil })
	if refused.Error() != "not this one" {
		t.Fatal(refused)
	}
	_ = it.Close()
	if _, err := it.WaitReady(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFileFollowsALink(t *testing.T) {
	folder := t.TempDir()
	for _, set := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(folder, set), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(folder, set, "policies.json"), `{"set":"`+set+`"}`)
	}
	link := filepath.Join(folder, "current")
	if err := os.Symlink("a", link); err != nil {
		t.Fatal(err)
	}
	it := openFile(t, FileConfig{Path: filepath.Join(link, "policies.json"), Kind: FilePolicies})
	if string(it.Current().Policies) != `{"set":"a"}` {
		t.Fatalf("%s", it.Current().Policies)
	}
	if err := os.Symlink("b", link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	until(t, "the other set", func() bool { return string(it.Current().Policies) == `{"set":"b"}` })
}

func TestOpenFileVerifiesDocuments(t *testing.T) {
	text := fixture(t, fixtures+"bundle-v2.txt")
	path := filepath.Join(t.TempDir(), "bundle.json")
	put(t, path, string(text))
	good := openFile(t, FileConfig{Path: path, Kind: FileDocument, Keys: []string{testKey}})
	if current := good.Current(); current == nil || current.Hash == "" || len(current.ScopePolicies) == 0 {
		t.Fatalf("%+v, %v", current, good.Err())
	}
	other := openFile(t, FileConfig{Path: path, Kind: FileDocument, Keys: []string{newSigner(0).pem()}})
	if other.Current() != nil || !errors.Is(other.Err(), ErrSignature) && !errors.Is(other.Err(), ErrUnknownKey) {
		t.Fatal(other.Err())
	}
	unsigned := openFile(t, FileConfig{Path: path, Kind: FileDocument, Identity: Identity{Environment: "other"}})
	if unsigned.Current() != nil || !errors.Is(unsigned.Err(), ErrIdentity) {
		t.Fatal(unsigned.Err())
	}
	for _, wrong := range []FileConfig{
		{}, {Path: path}, {Path: path, Kind: "tar"}, {Path: path, Kind: FilePolicies, Keys: []string{testKey}},
		{Path: path, Kind: FileDocument, Keys: []string{"key"}},
	} {
		var config *ConfigError
		if _, err := OpenFile(context.Background(), wrong); !errors.As(err, &config) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

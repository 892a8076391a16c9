// Package filecache keeps what a runtime has proven in files: a directory for each environment, with its content and with state.json,
// which one rename replaces. Both are written through to the disk. Processes may share it: none replaces what is newer.
package filecache

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"signet.dev/signet/internal/strictjson"
	"signet.dev/signet/internal/trust"
)

const (
	maxStateBytes = 64 << 20
	stateName     = "state.json"
	lockName      = "lock"
	// Writing takes milliseconds: a lock this old is of a process that ended meanwhile.
	deadLock = 30 * time.Second
	lockWait = 20 * time.Millisecond
)

var contentForm = regexp.MustCompile(`^content-[0-9a-f]{64}\.json$`)

// Entry is what is kept.
type Entry struct {
	State trust.Stored
	// Content is nil while nothing runs.
	Content []byte
	// Rank are numbers that only grow: of the root, of the activation, of the lease. An entry never replaces one of a higher rank.
	Rank []int64
}

// Cache is a directory.
type Cache struct {
	folder string
	// written is the digest of the content that this process wrote: what was there before may be damaged.
	written string
}

// Open names the directory of an environment below a directory. It is made when something is stored.
func Open(directory string, identity trust.Identity) *Cache {
	names, _ := json.Marshal([]string{identity.OrgID, identity.ProjectID, identity.Environment})
	return &Cache{folder: filepath.Join(directory, identity.Environment+"-"+trust.Digest(names)[:16])}
}

type stateFile struct {
	Rank    []int64       `json:"rank"`
	Content *string       `json:"content"`
	State   *trust.Stored `json:"state"`
}

// Load returns what was stored last. The state is nil when there is nothing, and the content when it is lost.
func (c *Cache) Load() (*trust.Stored, []byte, error) {
	stored, err := c.readState()
	if err != nil || stored == nil {
		return nil, nil, err
	}
	if stored.Content == nil {
		return stored.State, nil, nil
	}
	content, err := readAtMost(filepath.Join(c.folder, contentName(*stored.Content)), trust.MaxContentBytes)
	return stored.State, content, err
}

// Store replaces what is kept: the content first, then all the rest at once. After a crash Load returns the one or the other. It does
// nothing where what is stored has a higher rank.
func (c *Cache) Store(ctx context.Context, entry Entry) error {
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if stored, err := c.readState(); err == nil && stored != nil && isAbove(stored.Rank, entry.Rank) {
		return nil
	}
	file := stateFile{Rank: entry.Rank, State: &entry.State}
	if entry.Content != nil {
		digest := trust.Digest(entry.Content)
		path := filepath.Join(c.folder, contentName(digest))
		info, err := os.Stat(path)
		if c.written != digest || err != nil || info.Size() != int64(len(entry.Content)) {
			if err := Replace(path, entry.Content); err != nil {
				return err
			}
		}
		c.written = digest
		file.Content = &digest
	}
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	if err := Replace(filepath.Join(c.folder, stateName), append(text, '\n')); err != nil {
		return err
	}
	return c.removeOthers(file.Content)
}

// readState returns nil when there is none.
func (c *Cache) readState() (*stateFile, error) {
	path := filepath.Join(c.folder, stateName)
	text, err := readAtMost(path, maxStateBytes)
	if err != nil || text == nil {
		return nil, err
	}
	var file stateFile
	if _, err := strictjson.Parse(text, 6); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if file.State == nil || file.State.Type != trust.StoredType || (file.Content != nil && !contentForm.MatchString(contentName(*file.Content))) {
		return nil, fmt.Errorf("%s is not the state of a runtime", path)
	}
	return &file, nil
}

// removeOthers removes contents that the state does not name, and temporary files of processes that ended.
func (c *Cache) removeOthers(digest *string) error {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		isOther := contentForm.MatchString(name) && (digest == nil || name != contentName(*digest))
		if isOther || (strings.HasSuffix(name, ".tmp") && ageOf(filepath.Join(c.folder, name)) > deadLock) {
			if err := os.Remove(filepath.Join(c.folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// lock is between processes, for the time of comparing and replacing.
func (c *Cache) lock(ctx context.Context) (func(), error) {
	path := filepath.Join(c.folder, lockName)
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			return func() { _ = os.Remove(path) }, file.Close()
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		if ageOf(path) > deadLock {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another process holds %s: %w", path, ctx.Err())
		case <-time.After(lockWait):
		}
	}
}

// Replace writes a file so that readers see the old bytes or the new ones, also after a crash or a power failure.
func Replace(path string, bytes []byte) error {
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	temporary := path + "." + hex.EncodeToString(random) + ".tmp"
	err := write(temporary, bytes)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return err
	}
	// Not every system can sync a directory: the file is replaced all the same.
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
	return nil
}

func write(path string, bytes []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(bytes)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	return err
}

// readAtMost returns nil for a file that is not there, and fails for one that is too large.
func readAtMost(path string, max int64) ([]byte, error) {
	// A pipe or a device would be read for ever.
	if found, err := os.Stat(path); err == nil && !found.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bytes, err := io.ReadAll(io.LimitReader(file, max+1))
	if err == nil && int64(len(bytes)) > max {
		err = fmt.Errorf("%s has more than %d bytes", path, max)
	}
	if err != nil {
		return nil, err
	}
	return bytes, nil
}

func contentName(digest string) string { return "content-" + digest + ".json" }

// ageOf is 0 for a file that is not there.
func ageOf(path string) time.Duration {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	age := time.Since(info.ModTime())
	if age < 0 {
		return -age
	}
	return age
}

// isAbove tells whether a rank is above another: by the first number that differs.
func isAbove(rank, other []int64) bool {
	for i := range rank {
		if i >= len(other) {
			return rank[i] > 0
		}
		if rank[i] != other[i] {
			return rank[i] > other[i]
		}
	}
	return false
}

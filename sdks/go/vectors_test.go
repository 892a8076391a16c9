package signet

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet.dev/signet/internal/trust"
)

// vectorFiles are the conformance kit's, which only a checkout of the whole project has.
const vectorFiles = "../../test/vectors/packs/*.json"

type vectorCase struct {
	ID, Name, Must, Root string
	Init                 *string
	Identity             struct {
		OrgID       string `json:"org_id"`
		ProjectID   string `json:"project_id"`
		Environment string
	}
	Steps []vectorStep
}

type vectorStep struct {
	Now   time.Time
	Serve *struct {
		Roots       map[string]string
		Attestation string
		Content     string
	}
	Damage string
	Expect struct {
		State    State
		Sequence int64
		Error    *string
	}
}

func vectors(t testing.TB) []vectorCase {
	t.Helper()
	files, err := filepath.Glob(vectorFiles)
	if err != nil || len(files) == 0 {
		t.Skip("the vectors are in a checkout of the whole project")
	}
	var all []vectorCase
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []vectorCase }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		all = append(all, file.Cases...)
	}
	return all
}

// TestVectors drives Poll through all cases of the kit: a start from the disk for each step.
func TestVectors(t *testing.T) {
	all := vectors(t)
	if len(all) < 185 {
		t.Fatalf("%d cases", len(all))
	}
	for _, it := range all {
		it := it
		t.Run(it.ID, func(t *testing.T) {
			t.Parallel()
			it.drive(t)
		})
	}
}

func (c *vectorCase) drive(t *testing.T) {
	identity := Identity{c.Identity.OrgID, c.Identity.ProjectID, c.Identity.Environment}
	_, err := trust.PinnedRoot(c.Root, trust.Identity(identity))
	if c.Init != nil {
		if trust.CodeOf(err) != *c.Init {
			t.Fatalf("init: %v, not %s", err, *c.Init)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var step *vectorStep
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { step.answer(w, r) }))
	defer server.Close()
	directory := t.TempDir()
	for i := range c.Steps {
		step = &c.Steps[i]
		if step.Damage != "" {
			damage(t, directory)
		}
		_, status, err := Poll(context.Background(), Config{
			URL: server.URL, Token: "token", Root: c.Root, Identity: identity, InstanceID: "vectors", CacheDir: directory,
			Now: func() time.Time { return step.Now },
		})
		actual := ""
		var away *APIError
		if errors.As(err, &away) {
			actual = "unavailable"
			if code := trust.CodeOf(status.CacheErr); code != "" {
				actual = code
			}
		} else if refusal := new(Refusal); errors.As(err, &refusal) {
			actual = string(refusal.Code)
			if !errors.Is(err, Code(actual)) {
				t.Fatalf("step %d: not %s by errors.Is", i, actual)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		wanted := ""
		if step.Expect.Error != nil {
			wanted = *step.Expect.Error
		}
		state := status.State
		if state == Stale {
			state = Fresh
		}
		if actual != wanted || state != step.Expect.State || status.Sequence != step.Expect.Sequence {
			t.Fatalf("step %d: %s, %s, %d, not %s, %s, %d: %v", i,
				actual, state, status.Sequence, wanted, step.Expect.State, step.Expect.Sequence, err)
		}
	}
}

func (s *vectorStep) answer(w http.ResponseWriter, r *http.Request) {
	fail := func(status int) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": status, "message": "no", "requestId": "1", "detail": "no"})
	}
	if s.Serve == nil {
		fail(http.StatusServiceUnavailable)
		return
	}
	version, isRoot := strings.CutPrefix(r.URL.Path, "/v1/trust/roots/")
	switch {
	case isRoot:
		root, isThere := s.Serve.Roots[version]
		if !isThere {
			fail(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(root))
	case r.URL.Path == "/v1/bundles/latest/attestation":
		_, _ = w.Write([]byte(s.Serve.Attestation))
	case r.URL.Path == "/v1/bundles/latest/content":
		content, _ := base64.StdEncoding.DecodeString(s.Serve.Content)
		_, _ = w.Write(content)
	default:
		fail(http.StatusNotFound)
	}
}

// damage flips a bit of the stored content.
func damage(t *testing.T, directory string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(directory, "*", "content-*.json"))
	if len(files) != 1 {
		t.Fatalf("contents: %v", files)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(content)
	changed[20] ^= 1
	if err := os.WriteFile(files[0], changed, 0o600); err != nil {
		t.Fatal(err)
	}
}

func stateFileIn(t *testing.T, directory string) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(directory, "*", "state.json"))
	if len(files) != 1 {
		t.Fatalf("states: %v", files)
	}
	return files[0]
}

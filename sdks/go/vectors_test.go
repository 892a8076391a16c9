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
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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

// TestVectors drives both transports through all cases of the kit: a start from the disk for each step.
func TestVectors(t *testing.T) {
	all := vectors(t)
	if len(all) < 185 {
		t.Fatalf("%d cases", len(all))
	}
	for _, it := range all {
		it := it
		t.Run(it.ID, func(t *testing.T) {
			t.Parallel()
			t.Run("polls", func(t *testing.T) { it.drive(t, Poll) })
			if it.fitsEvents() {
				t.Run("events", func(t *testing.T) { it.drive(t, oneEvent) })
			}
		})
	}
}

// fitsEvents: what is no JSON, or no text, cannot be told by an event.
func (c *vectorCase) fitsEvents() bool {
	for _, step := range c.Steps {
		if step.Serve == nil {
			continue
		}
		content, err := base64.StdEncoding.DecodeString(step.Serve.Content)
		isText := err == nil && utf8.Valid(content) && json.Valid([]byte(step.Serve.Attestation))
		for _, root := range step.Serve.Roots {
			isText = isText && json.Valid([]byte(root))
		}
		if !isText {
			return false
		}
	}
	return true
}

// oneEvent is Poll, by the first proof of a stream.
func oneEvent(ctx context.Context, config Config) (*Snapshot, Status, error) {
	settings, err := config.checked()
	if err != nil {
		return nil, Status{}, err
	}
	defer settings.disconnect()
	keeper := openKeeper(settings)
	hush := newSilence(time.Minute, time.Minute, func(error) {})
	defer hush.stop()
	rung := &events{settings.rest, "vectors", settings.maxContent}
	err = rung.follow(ctx, keeper.position, hush, func(it news) error {
		if err := keeper.take(ctx, it); err != nil {
			return err
		}
		return errDue
	})
	if errors.Is(err, errDue) {
		err = nil
	} else if refusal := refusalOf(err); refusal != nil {
		err = refusal
	}
	view, status := newView(keeper, settings), Status{CacheErr: keeper.cacheErr}
	view.fill(&status, settings.now())
	return view.open(settings.now()), status, err
}

func (c *vectorCase) drive(t *testing.T, poll func(context.Context, Config) (*Snapshot, Status, error)) {
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
		_, status, err := poll(context.Background(), Config{
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
	case r.URL.Path == "/v1/bundles/watch":
		w.Header().Set("Content-Type", "text/event-stream")
		number, _ := strconv.Atoi(r.URL.Query().Get("root_version"))
		for number++; s.Serve.Roots[strconv.Itoa(number)] != ""; number++ {
			root := map[string]any{"version": number, "envelope": json.RawMessage(s.Serve.Roots[strconv.Itoa(number)])}
			_, _ = w.Write([]byte(event("trust_root", map[string]any{"trust_root": root})))
		}
		content, _ := base64.StdEncoding.DecodeString(s.Serve.Content)
		activation := map[string]any{"sequence": 1, "content": string(content), "attestation": json.RawMessage(s.Serve.Attestation)}
		_, _ = w.Write([]byte(event("activation", map[string]any{"activation": activation})))
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

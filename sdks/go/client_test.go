package signet

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
)

// asked is what a server was asked.
type asked struct {
	method, path, body string
	header             http.Header
}

// answering is a client of a server that answers each call in turn, and what it was asked.
func answering(t *testing.T, answers ...func(http.ResponseWriter)) (*Client, *[]asked) {
	t.Helper()
	var calls []asked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, asked{r.Method, r.URL.RequestURI(), string(body), r.Header})
		answers[min(len(calls), len(answers))-1](w)
	}))
	t.Cleanup(server.Close)
	client, err := NewClient(server.URL+"/", "secret")
	if err != nil {
		t.Fatal(err)
	}
	client.waits = Backoff{time.Millisecond, time.Millisecond}
	return client, &calls
}

func json200(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = w.Write([]byte(text)) }
}

const bundleAnswer = `{"id":"b","version":3,"policy_hash":"sha256:0","is_active":true,"published_by":null,
	"published_at":"2026-11-28T23:46:40.486Z","title":null,"labels":{},"source":null,"origin":"publish","sequence":7,"warnings":[],
	"change":{"dry_run":true,"unchanged":false,"skipped":false,"difference":{"changes":[{"op":"replace","path":"/policies/a",
	"old_value":1.0,"new_value":2}],"changes_total":1,"truncated":false},"quota":{"kept":2,"limit":null}}}`

func TestPublishSendsWhatItIsGiven(t *testing.T) {
	client, calls := answering(t, json200(bundleAnswer))
	bundle, err := client.Project("default", "my shop").Publish(context.Background(), "dev", PublishRequest{
		Guards:   Guards{IdempotencyKey: "build-1", IfMatch: Sequence(6), SkipUnchanged: true},
		Policies: json.RawMessage(`{"a": 1.0, "big": 12345678901234567890}`), Title: "First", Inactive: true, DryRun: true,
		Source: &Source{Revision: "abc"}, Labels: map[string]string{"team": "a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if bundle.Version != 3 || *bundle.Sequence != 7 || bundle.Title != nil || string(bundle.Change.Difference.Changes[0].OldValue) != "1.0" ||
		bundle.Change.Quota.Kept != 2 || bundle.Change.Quota.Limit != nil {
		t.Fatalf("%+v", bundle)
	}
	it := (*calls)[0]
	if it.method != "POST" || it.path != "/v1/orgs/default/projects/my%20shop/envs/dev/bundles/publish" {
		t.Fatal(it.method, it.path)
	}
	wanted := `{"policies":{"a":1.0,"big":12345678901234567890},"title":"First","labels":{"team":"a"},` +
		`"source":{"repository":"","revision":"abc","url":""},"dry_run":true,"activate":false}`
	if it.body != wanted {
		t.Fatal(it.body)
	}
	for name, value := range map[string]string{
		"Idempotency-Key": "build-1", "If-Match": `"6"`, "If-Unchanged": "skip", "Authorization": "Bearer secret",
		"Content-Type": "application/json", "User-Agent": userAgent,
	} {
		if it.header.Get(name) != value {
			t.Errorf("%s is %q", name, it.header.Get(name))
		}
	}
}

func TestCallsAreRepeatedUnderOneKey(t *testing.T) {
	away := func(w http.ResponseWriter) { sayError(w, http.StatusServiceUnavailable, "unavailable") }
	client, calls := answering(t, away, away, json200(bundleAnswer))
	if _, err := client.Project("o", "p").Promote(context.Background(), "dev", PromoteRequest{Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, it := range *calls {
		keys[it.header.Get("Idempotency-Key")] = true
	}
	if len(*calls) != 3 || len(keys) != 1 || keys[""] {
		t.Fatal(len(*calls), keys)
	}
	client, calls = answering(t, away)
	_, err := client.Project("o", "p").Promote(context.Background(), "dev", PromoteRequest{})
	if !errors.Is(err, ErrUnavailable) || len(*calls) != 3 {
		t.Fatal(err, len(*calls))
	}
}

func TestRefusedCallsAreNotRepeated(t *testing.T) {
	held := func(w http.ResponseWriter) { sayError(w, http.StatusConflict, "held") }
	client, calls := answering(t, held)
	_, err := client.Project("o", "p").Rollback(context.Background(), "prod", RollbackRequest{ToVersion: 2})
	var failed *APIError
	if !errors.Is(err, ErrHeld) || !errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) || !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if failed.Status != 409 || failed.RequestID != "request-1" || !failed.FromServer || len(*calls) != 1 || (*calls)[0].body != `{"to_version":2}` {
		t.Fatalf("%+v, %+v", failed, *calls)
	}
}

func TestFieldsOfARefusal(t *testing.T) {
	client, _ := answering(t, func(w http.ResponseWriter) {
		w.WriteHeader(422)
		_, _ = w.Write([]byte(`{"detail":[{"loc":["body","policies","pii"],"msg":"duplicate key","type":"duplicate_key"}],
			"error":"Unprocessable Content","message":"policies.pii: duplicate key","code":422,"status":422,"requestId":"r"}`))
	})
	_, err := client.Project("o", "p").Publish(context.Background(), "dev", PublishRequest{Policies: json.RawMessage(`{"pii":1,"pii":2}`)})
	var failed *APIError
	if !errors.As(err, &failed) || failed.Code != ErrInvalid || len(failed.Fields) != 1 || failed.Fields[0].Type != "duplicate_key" ||
		strings.Join(failed.Fields[0].Loc, ".") != "body.policies.pii" {
		t.Fatalf("%+v", failed)
	}
}

func TestWrongArguments(t *testing.T) {
	for _, it := range []struct{ url, token string }{{"", "t"}, {"ftp://x", "t"}, {"http://x?y", "t"}, {"http://u:p@x", "t"}, {"http://x", ""}, {"http://x", "a\nb"}} {
		var config *ConfigError
		if _, err := NewClient(it.url, it.token); !errors.As(err, &config) {
			t.Errorf("%q: %v", it, err)
		}
	}
	client, calls := answering(t, json200(bundleAnswer))
	_, err := client.Project("o", "p").Promote(context.Background(), "dev", PromoteRequest{Guards: Guards{IdempotencyKey: "a\nb"}})
	var config *ConfigError
	if !errors.As(err, &config) || len(*calls) != 0 {
		t.Fatal(err)
	}
	if _, err := client.Project("o", "p").Publish(context.Background(), "dev", PublishRequest{Policies: json.RawMessage(`{`)}); err == nil {
		t.Fatal("published what is no JSON")
	}
}

func TestWrongConfigs(t *testing.T) {
	server := startFake(t)
	for name, change := range map[string]func(*Config){
		"URL":                func(c *Config) { c.URL = "signet.example.com" },
		"Token":              func(c *Config) { c.Token = "" },
		"Token twice":        func(c *Config) { c.TokenFunc = func(context.Context) (string, error) { return "", nil } },
		"Root":               func(c *Config) { c.Root = "" },
		"Root and Keys":      func(c *Config) { c.Keys = []string{testKey} },
		"Keys":               func(c *Config) { c.Root, c.Keys = "", []string{"key"} },
		"Identity":           func(c *Config) { c.Identity.OrgID = "default" },
		"Environment":        func(c *Config) { c.Identity.Environment = "Prod" },
		"InstanceID":         func(c *Config) { c.InstanceID = "" },
		"Labels":             func(c *Config) { c.Labels = map[string]string{"": "x"} },
		"OnExpired":          func(c *Config) { c.OnExpired = 7 },
		"MaxContent":         func(c *Config) { c.MaxContent = 17 << 20 },
		"Transports":         func(c *Config) { c.Transports = []Transport{"grpc"} },
		"Reconnect":          func(c *Config) { c.Reconnect = Backoff{time.Second, time.Millisecond} },
		"HTTPClient and TLS": func(c *Config) { c.HTTPClient, c.TLS = http.DefaultClient, &tls.Config{} },
	} {
		_, err := Open(context.Background(), server.config(change))
		var config *ConfigError
		if !errors.As(err, &config) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Open(context.Background(), server.config(func(c *Config) { c.Identity.OrgID = c.Identity.ProjectID }))
	if !errors.Is(err, ErrWrongIdentity) {
		t.Error(err)
	}
}

func rollout(text string) func(http.ResponseWriter) {
	return json200(`{"active_sequence":4,"version":2,"laggards":[` +
		`{"instance_id":"shop-1","reason":"broken rule","last_seen":"2026-11-28T23:46:40.486Z","labels":{}}],` + text + `}`)
}

func TestWaitForRollout(t *testing.T) {
	behind := rollout(`"complete":false,"superseded":false,"live":2,"applied":1,"behind":1,"rejected":0,"unknown":0`)
	complete := rollout(`"complete":true,"superseded":false,"live":2,"applied":2,"behind":0,"rejected":0,"unknown":0`)
	nobody := rollout(`"complete":true,"superseded":false,"live":0,"applied":0,"behind":0,"rejected":0,"unknown":0`)
	rejected := rollout(`"complete":false,"superseded":false,"live":2,"applied":1,"behind":0,"rejected":1,"unknown":0`)
	superseded := rollout(`"complete":false,"superseded":true,"live":2,"applied":1,"behind":1,"rejected":0,"unknown":0`)
	query := RolloutQuery{Sequence: 4, AtLeast: 1, Every: time.Millisecond}
	client, calls := answering(t, nobody, behind, complete)
	done, err := client.Project("o", "p").WaitForRollout(context.Background(), "prod", query)
	if err != nil || done.Applied != 2 || len(*calls) != 3 || !strings.HasSuffix((*calls)[0].path, "/envs/prod/rollout?sequence=4") {
		t.Fatal(done, err)
	}
	for _, it := range []struct {
		answer func(http.ResponseWriter)
		reason error
	}{{rejected, ErrRejected}, {superseded, ErrSuperseded}} {
		client, _ := answering(t, it.answer)
		_, err := client.Project("o", "p").WaitForRollout(context.Background(), "prod", query)
		var failed *RolloutError
		if !errors.Is(err, it.reason) || !errors.As(err, &failed) || failed.Rollout.Live != 2 || !strings.Contains(err.Error(), `"broken rule"`) {
			t.Fatal(err)
		}
	}
	client, _ = answering(t, behind)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := client.Project("o", "p").WaitForRollout(ctx, "prod", query); !errors.Is(err, ErrIncomplete) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestOPAFolder(t *testing.T) {
	folder := fstest.MapFS{
		"authz/authz.rego":      {Data: []byte("package authz\n\nallow := \"<&>\" if input.x")},
		"authz/authz_test.rego": {Data: []byte("package authz_test")},
		"authz/data.json":       {Data: []byte(`{"limit":1.0}`)},
		".manifest":             {Data: []byte(`{"roots":["authz"],"revision":"x","rego_version":1}`)},
		".git/HEAD":             {Data: []byte("x")},
		"README.md":             {Data: []byte("# x")},
	}
	text, err := OPAFolder(folder, OPAOptions{IgnoreTests: true})
	wanted := `{"files":{"authz/authz.rego":"package authz\n\nallow := \"<&>\" if input.x","authz/data.json":"{\"limit\":1.0}"},"roots":["authz"],"rego_version":1}`
	if err != nil || string(text) != wanted {
		t.Fatal(string(text), err)
	}
	zero := 0
	text, err = OPAFolder(folder, OPAOptions{Roots: []string{"x"}, RegoVersion: &zero})
	if err != nil || !strings.Contains(string(text), "authz_test.rego") || !strings.HasSuffix(string(text), `"roots":["x"],"rego_version":0}`) {
		t.Fatal(string(text), err)
	}
	for _, name := range []string{"a/data.yml", "config.json", "policy.wasm", "A.REGO"} {
		if _, err := OPAFolder(fstest.MapFS{"a.rego": {}, name: {}}, OPAOptions{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for what, folder := range map[string]fstest.MapFS{
		"nothing":  {"README.md": {}},
		"no UTF-8": {"a.rego": {Data: []byte("\xff")}},
		"a link":   {"a.rego": {Mode: fs.ModeSymlink}},
		"wasm":     {"a.rego": {}, ".manifest": {Data: []byte(`{"wasm":[{}]}`)}},
		"too much": {"a.rego": {Data: make([]byte, maxOPABytes+1)}},
	} {
		if _, err := OPAFolder(folder, OPAOptions{}); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for i := 0; i < 1024; i++ {
			n, err := w.Write(make([]byte, 64<<10))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	defer server.Close()
	client, err := NewClient(server.URL, "secret", WithAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.WhoAmI(context.Background()); !errors.Is(err, ErrInternal) {
		t.Fatal(err)
	}
	if sent.Load() > 32<<20 {
		t.Fatalf("%d bytes were read of an error", sent.Load())
	}
}

package signet

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"signet.dev/signet/internal/trust"
)

// fakeSignet speaks what a runtime asks a server, and signs as one.
type fakeSignet struct {
	*httptest.Server
	identity Identity
	now      func() time.Time
	// heartbeat and leaseLife may be changed before the first call.
	heartbeat, leaseLife time.Duration

	mu      sync.Mutex
	changed chan struct{}
	online  signer
	desk    signer
	roots   []string
	// sequence is 0 while nothing is active.
	sequence     int64
	version      int64
	deploymentID string
	content      []byte
	activation   string
	// release is of the authors; empty where there are none.
	authors []signer
	release string
	leases  int
	reports []report
	streams int
	calls   map[string]int
	// refuse answers in place of the server, where it returns true.
	refuse func(http.ResponseWriter, *http.Request) bool
	// change changes an attestation before it is sent.
	change func(map[string]any)
}

type signer struct {
	private ed25519.PrivateKey
	key     trust.Key
}

func newSigner(seed byte) signer {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+seed)), ed25519.SeedSize)))
	return signer{private, trust.NewKey(private.Public().(ed25519.PublicKey))}
}

func (s signer) pem() string {
	prefix := "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: append([]byte(prefix), s.key.Public...)}))
}

// sign returns an envelope.
func sign(payloadType string, payload any, by ...signer) string {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	message := fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(text), text)
	signatures := []any{}
	for _, one := range by {
		sig := ed25519.Sign(one.private, []byte(message))
		signatures = append(signatures, map[string]string{"keyid": one.key.ID, "sig": base64.StdEncoding.EncodeToString(sig)})
	}
	envelope, err := json.Marshal(map[string]any{
		"payload": base64.StdEncoding.EncodeToString(text), "payloadType": payloadType, "signatures": signatures,
	})
	if err != nil {
		panic(err)
	}
	return string(envelope)
}

// payloadDigest is the name of an envelope in other objects.
func payloadDigest(envelope string) string {
	var parsed struct{ Payload []byte }
	if err := json.Unmarshal([]byte(envelope), &parsed); err != nil {
		panic(err)
	}
	return trust.Digest(parsed.Payload)
}

func startFake(t testing.TB) *fakeSignet {
	f := &fakeSignet{
		identity: Identity{"11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "prod"},
		now:      time.Now, heartbeat: 50 * time.Millisecond, leaseLife: 5 * time.Minute,
		changed: make(chan struct{}), online: newSigner(0), desk: newSigner(1), calls: map[string]int{},
	}
	f.roots = []string{f.root(1, nil)}
	f.Server = httptest.NewServer(f)
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }

// root signs a root, with changes.
func (f *fakeSignet) root(version int, changes map[string]any) string {
	rule := func(of signer) map[string]any { return map[string]any{"threshold": 1, "keyids": []string{of.key.ID}} }
	root := map[string]any{
		"type": "signet-root/1", "org_id": f.identity.OrgID, "project_id": f.identity.ProjectID, "version": version,
		"expires_at": "2099-01-01T00:00:00Z",
		"keys": map[string]string{
			f.online.key.ID: base64.StdEncoding.EncodeToString(f.online.key.Public),
			f.desk.key.ID:   base64.StdEncoding.EncodeToString(f.desk.key.Public),
		},
		"roles": map[string]any{
			"root": rule(f.desk), "activation": rule(f.online), "lease": rule(f.online),
			"release": map[string]any{"threshold": 0, "keyids": []string{}},
		},
		"environments": map[string]any{}, "rollback": "server", "revoked": []string{},
	}
	for name, value := range changes {
		root[name] = value
	}
	return sign("application/vnd.signet.root+json", root, f.desk)
}

// addRoot publishes the next root.
func (f *fakeSignet) addRoot(changes map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.roots = append(f.roots, f.root(len(f.roots)+1, changes))
	f.wake()
}

// publish makes a content active, and returns its sequence.
func (f *fakeSignet) publish(content string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sequence++
	f.version++
	f.content = []byte(content)
	f.deploymentID = fmt.Sprintf("00000000-0000-4000-8000-%012d", f.sequence)
	var released any
	f.release = ""
	if len(f.authors) > 0 {
		f.release = sign("application/vnd.in-toto+json", map[string]any{
			"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://signet.dev/release/v1",
			"subject": []any{map[string]any{"name": f.identity.Environment, "digest": map[string]string{"sha256": trust.Digest(f.content)}}},
			"predicate": map[string]any{
				"org_id": f.identity.OrgID, "project_id": f.identity.ProjectID, "number": f.sequence, "created_at": stamp(f.now()),
				"expires_at": "2090-01-01T00:00:00Z", "media_type": "application/json",
				"source": map[string]string{"repository": "policies", "revision": "abc", "url": ""},
			},
		}, f.authors...)
		released = payloadDigest(f.release)
	}
	f.activation = sign("application/vnd.in-toto+json", map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://signet.dev/activation/v1",
		"subject": []any{
			map[string]any{"name": "content", "digest": map[string]string{"sha256": trust.Digest(f.content)}},
			map[string]any{"name": "document", "digest": map[string]string{"sha256": trust.Digest(nil)}},
		},
		"predicate": map[string]any{
			"org_id": f.identity.OrgID, "project_id": f.identity.ProjectID, "environment": f.identity.Environment,
			"sequence": f.sequence, "kind": "publish", "bundle_id": f.deploymentID, "version": f.version,
			"deployment_id": f.deploymentID, "activated_at": stamp(f.now()), "media_type": "application/json",
			"size": len(f.content), "release": released, "previous": nil,
		},
	}, f.online)
	f.wake()
	return f.sequence
}

// numbered is a content that says a number.
func numbered(number int) string {
	return fmt.Sprintf(`{"policies":{"exact":1.0,"number":%d},"scope_policies":{}}`, number)
}

func (f *fakeSignet) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// attestation is that of what is active. The lock is held.
func (f *fakeSignet) attestation(isRenewal bool) json.RawMessage {
	f.leases++
	lease := map[string]any{
		"type": "signet-lease/1", "org_id": f.identity.OrgID, "project_id": f.identity.ProjectID,
		"environment": f.identity.Environment, "root_version": len(f.roots), "sequence": f.sequence, "activation": nil,
		"issued_at": stamp(f.now()), "expires_at": stamp(f.now().Add(f.leaseLife)),
	}
	if f.sequence > 0 {
		lease["activation"] = payloadDigest(f.activation)
	}
	all := map[string]any{"lease": json.RawMessage(sign("application/vnd.signet.lease+json", lease, f.online))}
	if !isRenewal {
		all["activation"], all["release"], all["proof"] = nil, nil, nil
		if f.sequence > 0 {
			all["activation"] = json.RawMessage(f.activation)
		}
		if f.release != "" {
			all["release"] = json.RawMessage(f.release)
		}
		if f.change != nil {
			f.change(all)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return text
}

func (f *fakeSignet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.calls[r.URL.Path]++
	refuse := f.refuse
	f.mu.Unlock()
	if refuse != nil && refuse(w, r) {
		return
	}
	version, isRoot := strings.CutPrefix(r.URL.Path, "/v1/trust/roots/")
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		sayError(w, http.StatusUnauthorized, "unauthenticated")
	case isRoot:
		number, _ := strconv.Atoi(version)
		f.mu.Lock()
		defer f.mu.Unlock()
		if number < 1 || number > len(f.roots) {
			sayError(w, http.StatusNotFound, "not_found")
			return
		}
		_, _ = w.Write([]byte(f.roots[number-1]))
	case r.URL.Path == "/v1/bundles/watch":
		f.watch(w, r)
	case r.URL.Path == "/v1/bundles/latest/attestation":
		f.latest(w, r)
	case r.URL.Path == "/v1/bundles/latest/content":
		f.mu.Lock()
		defer f.mu.Unlock()
		f.describe(w)
		_, _ = w.Write(f.content)
	case r.URL.Path == "/v1/runtimes/status":
		var it report
		if err := json.NewDecoder(r.Body).Decode(&it); err != nil {
			sayError(w, http.StatusBadRequest, "malformed")
			return
		}
		f.mu.Lock()
		f.reports = append(f.reports, it)
		f.mu.Unlock()
		_, _ = w.Write([]byte(`{"newest_sequence":1}`))
	default:
		sayError(w, http.StatusNotFound, "not_found")
	}
}

func sayError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"detail": map[string]string{"error": code, "message": code}, "error": http.StatusText(status),
		"message": code, "code": status, "status": status, "requestId": "request-1",
	})
}

// describe sets the headers of what is active. The lock is held.
func (f *fakeSignet) describe(w http.ResponseWriter) {
	w.Header().Set("Signet-Sequence", strconv.FormatInt(f.sequence, 10))
	w.Header().Set("Signet-Deployment-Id", f.deploymentID)
}

func (f *fakeSignet) latest(w http.ResponseWriter, r *http.Request) {
	hold := time.Duration(0)
	if seconds, isHeld := strings.CutPrefix(r.Header.Get("Prefer"), "wait="); isHeld {
		number, _ := strconv.Atoi(seconds)
		hold = time.Duration(number) * time.Second
	}
	end := time.After(hold)
	for {
		f.mu.Lock()
		has := f.sequence > 0 && r.URL.Query().Get("after_deployment_id") == f.deploymentID
		changed := f.changed
		if !has {
			f.describe(w)
			text := f.attestation(false)
			f.mu.Unlock()
			_, _ = w.Write(text)
			return
		}
		if hold == 0 {
			f.describe(w)
			var renewal struct{ Lease json.RawMessage }
			_ = json.Unmarshal(f.attestation(true), &renewal)
			f.mu.Unlock()
			w.Header().Set("Signet-Lease", base64.RawURLEncoding.EncodeToString(renewal.Lease))
			w.WriteHeader(http.StatusNoContent)
			return
		}
		f.mu.Unlock()
		select {
		case <-changed:
		case <-end:
			hold = 0
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fakeSignet) watch(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.streams++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.streams--
		f.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	roots, _ := strconv.Atoi(query(r.URL, "root_version"))
	told := query(r.URL, "after_deployment_id")
	isFirst := true
	for {
		f.mu.Lock()
		changed := f.changed
		var events []string
		isNewRoot := false
		for ; roots > 0 && roots < len(f.roots); roots++ {
			isNewRoot = true
			events = append(events, event("trust_root", map[string]any{
				"trust_root": map[string]any{"version": roots + 1, "envelope": json.RawMessage(f.roots[roots])},
			}))
		}
		switch {
		case f.sequence == 0:
			events = append(events, event("nothing_active", map[string]any{
				"sequence": 0, "nothing_active": map[string]any{"attestation": f.attestation(false)},
			}))
		case told != f.deploymentID:
			told = f.deploymentID
			events = append(events, event("activation", map[string]any{
				"sequence": f.sequence, "deployment_id": f.deploymentID, "activation": map[string]any{
					"sequence": f.sequence, "deployment_id": f.deploymentID, "content": string(f.content), "attestation": f.attestation(false),
				},
			}))
		default:
			heartbeat := map[string]any{"at": stamp(f.now()), "attestation": nil}
			if isFirst || isNewRoot {
				heartbeat["attestation"] = f.attestation(true)
			}
			events = append(events, event("heartbeat", map[string]any{
				"sequence": f.sequence, "deployment_id": f.deploymentID, "heartbeat": heartbeat,
			}))
		}
		isFirst = false
		f.mu.Unlock()
		if _, err := w.Write([]byte(strings.Join(events, ""))); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-time.After(f.heartbeat):
		case <-r.Context().Done():
			return
		}
	}
}

func query(of *url.URL, name string) string { return of.Query().Get(name) }

func event(name string, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return "event: " + name + "\nid: 1\ndata: " + string(text) + "\n\n"
}

// config is for a runtime of this server, without waits.
func (f *fakeSignet) config(changes ...func(*Config)) Config {
	soon := Backoff{Base: 5 * time.Millisecond, Max: 20 * time.Millisecond}
	config := Config{
		URL: f.URL, Token: "secret", Root: f.roots[0], Identity: f.identity, InstanceID: "test", Agent: "test/1",
		Reconnect: soon, Refused: soon, Report: soon, FirstMessage: 2 * time.Second, Heartbeat: 2 * time.Second,
	}
	for _, change := range changes {
		change(&config)
	}
	return config
}

// reported waits for a report, and returns it.
func (f *fakeSignet) reported(t *testing.T, isIt func(report) bool) report {
	t.Helper()
	var found report
	until(t, "the report", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, it := range f.reports {
			if isIt(it) {
				found = it
				return true
			}
		}
		return false
	})
	return found
}

func until(t testing.TB, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !isSo(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func sha256Hex(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

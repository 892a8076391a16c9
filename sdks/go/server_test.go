package signet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// realServer is a Signet server of the test's own: the command that SIGNET_TEST_SERVER names, such as "node dist/src/main.js".
type realServer struct {
	url    string
	client *Client
	token  *Token
}

const realToken = "test-admin-token-0123456789"

func startReal(t *testing.T) *realServer {
	t.Helper()
	words := strings.Fields(os.Getenv("SIGNET_TEST_SERVER"))
	if len(words) == 0 {
		t.Skip("SIGNET_TEST_SERVER names the command of a server")
	}
	command := exec.Command(words[0], append(words[1:], "serve")...)
	command.Dir = t.TempDir()
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SIGNET_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, "SIGNET_PORT=0", "SIGNET_DATA=data", "SIGNET_ADMIN_TOKEN="+realToken, "SIGNET_RATE_LIMIT=0", "SIGNET_LOG_LEVEL=error")
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		_ = command.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	urls := make(chan string, 1)
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, isIt := strings.CutPrefix(lines.Text(), "signet listening on "); isIt {
				urls <- url
			}
		}
	}()
	s := &realServer{}
	select {
	case s.url = <-urls:
	case <-ended:
		t.Fatal("the server did not start")
	case <-time.After(60 * time.Second):
		t.Fatal("the server does not listen")
	}
	if s.client, err = NewClient(s.url, realToken); err != nil {
		t.Fatal(err)
	}
	if s.token, err = s.client.WhoAmI(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask makes a call that the client has no method for.
func (s *realServer) ask(t *testing.T, method, path string, body any, into any) {
	t.Helper()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	answer, _, err := s.client.send(context.Background(), method, path, nil, text)
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		t.Fatal(path, err)
	}
}

type madeProject struct {
	ID   string
	Keys []struct {
		Env string `json:"env_name"`
		Raw string `json:"raw_key"`
	} `json:"runtime_keys"`
}

func (p madeProject) token(environment string) string {
	for _, key := range p.Keys {
		if key.Env == environment {
			return key.Raw
		}
	}
	return ""
}

func (s *realServer) project(t *testing.T, name string) madeProject {
	var made madeProject
	s.ask(t, http.MethodPost, "/v1/orgs/default/projects", map[string]string{"name": name}, &made)
	return made
}

// keys are those of a purpose, in PEM.
func (s *realServer) keys(t *testing.T, purpose string) []string {
	var all []struct {
		Purpose string
		PEM     string `json:"public_key_pem"`
	}
	s.ask(t, http.MethodGet, "/v1/keys", nil, &all)
	var found []string
	for _, key := range all {
		if key.Purpose == purpose {
			found = append(found, key.PEM)
		}
	}
	return found
}

// root publishes the first root of a project, which names the keys of the server.
func (s *realServer) root(t *testing.T, project string) string {
	desk := newSigner(5)
	keys := map[string]string{desk.key.ID: base64.StdEncoding.EncodeToString(desk.key.Public)}
	var online []string
	for _, text := range s.keys(t, "attestation") {
		key, err := publicKey(text)
		if err != nil {
			t.Fatal(err)
		}
		keys[key.ID] = base64.StdEncoding.EncodeToString(key.Public)
		online = append(online, key.ID)
	}
	rule := func(threshold int, ids ...string) map[string]any {
		return map[string]any{"threshold": threshold, "keyids": append([]string{}, ids...)}
	}
	root := sign("application/vnd.signet.root+json", map[string]any{
		"type": "signet-root/1", "org_id": s.token.OrgID, "project_id": project, "version": 1, "expires_at": "2099-01-01T00:00:00Z", "keys": keys,
		"roles":        map[string]any{"root": rule(1, desk.key.ID), "activation": rule(1, online...), "lease": rule(1, online...), "release": rule(0)},
		"environments": map[string]any{}, "rollback": "server", "revoked": []string{},
	}, desk)
	s.ask(t, http.MethodPost, "/v1/orgs/default/projects/"+project+"/trust/roots", map[string]any{"envelope": json.RawMessage(root)}, nil)
	return root
}

func TestRealServer(t *testing.T) {
	server := startReal(t)
	t.Run("publish and promote", func(t *testing.T) { publishAndPromote(t, server) })
	t.Run("follow", func(t *testing.T) { follow(t, server) })
	t.Run("examples", func(t *testing.T) { runExamples(t, server) })
}

// runExamples runs the programs of README.md: one enforces what the other publishes.
func runExamples(t *testing.T, server *realServer) {
	made := server.project(t, "go examples")
	folder := t.TempDir()
	root := filepath.Join(folder, "root.json")
	policies := filepath.Join(folder, "policies.json")
	put(t, root, server.root(t, made.ID))
	put(t, policies, `{"max_items": 10}`)
	build := exec.Command("go", "build", "-o", folder, "./examples/...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	guard := exec.Command(filepath.Join(folder, "guard"))
	guard.Env = append(os.Environ(), "SIGNET_URL="+server.url, "SIGNET_TOKEN="+made.token("dev"), "SIGNET_ROOT="+root,
		"SIGNET_ORG_ID="+server.token.OrgID, "SIGNET_PROJECT_ID="+made.ID, "SIGNET_CACHE="+filepath.Join(folder, "cache"),
		"GUARD_ADDRESS="+address)
	var said bytes.Buffer
	guard.Stdout, guard.Stderr = &said, &said
	if err := guard.Start(); err != nil {
		t.Fatal(err)
	}
	release := func(revision string) string {
		command := exec.Command(filepath.Join(folder, "release"), policies)
		command.Env = append(os.Environ(), "SIGNET_URL="+server.url, "SIGNET_TOKEN="+realToken, "SIGNET_PROJECT="+made.ID, "CI_COMMIT_SHA="+revision)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatal(err, string(out))
		}
		return string(out)
	}
	if out := release("a"); out != "dev: version 1\ndev: 1 instances have it\nstaging: version 1\n" {
		t.Fatal(out)
	}
	until(t, "the answer", func() bool {
		response, err := http.Get("http://" + address)
		if err != nil {
			return false
		}
		text, _ := read(response, 1000)
		return string(text) == "at most 10 items, by version 1\n"
	})
	put(t, policies, `{"max_items": 20}`)
	if out := release("b"); out != "dev: version 2\ndev: 1 instances have it\nstaging: version 2\n" {
		t.Fatal(out)
	}
	_ = guard.Process.Signal(os.Interrupt)
	if err := guard.Wait(); err != nil {
		t.Fatal(err, said.String())
	}
	if !strings.Contains(said.String(), "version 1, proven until ") {
		t.Fatal(said.String())
	}
}

func publishAndPromote(t *testing.T, server *realServer) {
	ctx := context.Background()
	made := server.project(t, "go client")
	project := server.client.Project("default", made.ID)
	first, err := project.Publish(ctx, "dev", PublishRequest{Policies: json.RawMessage(`{"exact": 1.0}`), Title: "First"})
	if err != nil || first.Version != 1 || *first.Sequence != 1 || *first.Title != "First" || first.MediaType != MediaTypeJSON {
		t.Fatal(first, err)
	}
	guarded := PublishRequest{Guards: Guards{IdempotencyKey: "two", IfMatch: Sequence(1)}, Policies: json.RawMessage(`{"exact":2.50,"b":[1]}`)}
	second, err := project.Publish(ctx, "dev", guarded)
	if err != nil || second.Version != 2 {
		t.Fatal(second, err)
	}
	if again, err := project.Publish(ctx, "dev", guarded); err != nil || again.ID != second.ID {
		t.Fatal(again, err)
	}
	guarded.IdempotencyKey = "three"
	if _, err := project.Publish(ctx, "dev", guarded); !errors.Is(err, ErrPreconditionFailed) {
		t.Fatal(err)
	}
	unchanged, err := project.Publish(ctx, "dev", PublishRequest{Guards: Guards{SkipUnchanged: true}, Policies: guarded.Policies})
	if err != nil || !unchanged.Change.Skipped || unchanged.ID != second.ID {
		t.Fatal(unchanged, err)
	}
	dry, err := project.Promote(ctx, "dev", PromoteRequest{DryRun: true})
	if err != nil || !dry.Change.DryRun || dry.Change.Difference == nil {
		t.Fatal(dry, err)
	}
	promoted, err := project.Promote(ctx, "dev", PromoteRequest{SourceVersion: 2, Reason: "go"})
	if err != nil || promoted.Origin != "promote" || promoted.PolicyHash != second.PolicyHash {
		t.Fatal(promoted, err)
	}
	if _, err := project.Promote(ctx, "prod", PromoteRequest{}); !errors.Is(err, ErrNoTarget) {
		t.Fatal(err)
	}
	got, err := project.Get(ctx, "dev", 2)
	if err != nil || string(got.Policies) != `{"exact":2.5,"b":[1]}` || got.KeyID == "" {
		t.Fatalf("%s, %v", got.Policies, err)
	}
	patch, err := project.Diff(ctx, "dev", 1, 2)
	if err != nil || len(patch) != 2 {
		t.Fatal(patch, err)
	}
	compared, err := project.Compare(ctx, CompareQuery{From: "dev", FromVersion: 1, ToVersion: 2})
	if err != nil || compared.Before == nil || compared.Difference.ChangesTotal != 2 {
		t.Fatal(compared, err)
	}
	versions, next, err := project.Versions(ctx, "dev", VersionsQuery{Limit: 1})
	if err != nil || len(versions) != 1 || versions[0].Version != 2 || next != 2 {
		t.Fatal(versions, next, err)
	}
	if versions, next, err = project.Versions(ctx, "dev", VersionsQuery{Limit: 1, BeforeVersion: next}); err != nil || versions[0].Version != 1 || next != 0 {
		t.Fatal(versions, next, err)
	}
	back, err := project.Rollback(ctx, "dev", RollbackRequest{Reason: "back"})
	if err != nil || back.Version != 1 {
		t.Fatal(back, err)
	}
	if back, err = project.Activate(ctx, "dev", 2, ActivateRequest{Hold: true, Reason: "stay"}); err != nil || back.Version != 2 {
		t.Fatal(back, err)
	}
	if _, err := project.Publish(ctx, "dev", PublishRequest{Policies: json.RawMessage(`{}`)}); !errors.Is(err, ErrHeld) {
		t.Fatal(err)
	}
	if _, err := project.Get(ctx, "dev", 99); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	text, err := project.Document(ctx, "dev", 2)
	if err != nil {
		t.Fatal(err)
	}
	identity := Identity{server.token.OrgID, made.ID, "dev"}
	document, err := VerifyDocument(text, server.keys(t, "bundles"), identity)
	if err != nil || document.BundleVersion != 2 || !document.IdentityIsSigned {
		t.Fatal(document, err)
	}
	opa, err := OPAFolder(fstest.MapFS{"authz/a.rego": {Data: []byte("package authz\n\nallow := true\n")}}, OPAOptions{Roots: []string{"authz"}})
	if err != nil {
		t.Fatal(err)
	}
	rego, err := project.Publish(ctx, "prod", PublishRequest{Policies: opa, MediaType: MediaTypeOPA})
	if err != nil || rego.MediaType != MediaTypeOPA {
		t.Fatal(rego, err)
	}
}

func follow(t *testing.T, server *realServer) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	made := server.project(t, "go runtime")
	root := server.root(t, made.ID)
	project := server.client.Project("default", made.ID)
	publish := func(text string) int64 {
		bundle, err := project.Publish(ctx, "dev", PublishRequest{Policies: json.RawMessage(text)})
		if err != nil {
			t.Fatal(err)
		}
		return *bundle.Sequence
	}
	first := publish(`{"number":1,"exact":1.0}`)
	config := Config{
		URL: server.url, Token: made.token("dev"), Identity: Identity{server.token.OrgID, made.ID, "dev"}, Agent: "test/1",
		Reconnect: Backoff{10 * time.Millisecond, 50 * time.Millisecond},
	}
	byRoot, byKeys := config, config
	byRoot.Root, byRoot.InstanceID = root, "by-root"
	byKeys.Keys, byKeys.InstanceID, byKeys.Transports = server.keys(t, "attestation"), "by-keys", []Transport{Polls}
	byKeys.OnUpdate = func(snapshot *Snapshot) error {
		if bytes.Contains(snapshot.Policies, []byte(`"refuse"`)) {
			return errors.New("the program cannot do this")
		}
		return nil
	}
	all := []*Runtime{open(t, byRoot), open(t, byKeys)}
	for _, it := range all {
		snapshot := ready(t, it)
		if string(snapshot.Policies) != `{"exact":1.0,"number":1}` || snapshot.Sequence != first || it.Status().State != Fresh {
			t.Fatalf("%+v %+v", snapshot, it.Status())
		}
	}
	query := RolloutQuery{AtLeast: 2, Every: 20 * time.Millisecond}
	for number := 0; number < 3; number++ {
		query.Sequence = publish(`{"number":` + string(rune('2'+number)) + `}`)
		done, err := project.WaitForRollout(ctx, "dev", query)
		if err != nil || done.Applied != 2 || done.Live != 2 {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	query.Sequence = publish(`{"refuse":true}`)
	_, err := project.WaitForRollout(ctx, "dev", query)
	var failed *RolloutError
	if !errors.Is(err, ErrRejected) || !errors.As(err, &failed) || *failed.Rollout.Laggards[0].Reason != "apply_failed: the program cannot do this" {
		t.Fatal(err)
	}
	back, err := project.Rollback(ctx, "dev", RollbackRequest{})
	if err != nil {
		t.Fatal(err)
	}
	query.Sequence = *back.Sequence
	if _, err := project.WaitForRollout(ctx, "dev", query); err != nil {
		t.Fatal(err)
	}
	for _, it := range all {
		if it.Current().Sequence != *back.Sequence || it.Current().Version != back.Version || it.Current().Kind != "rollback" {
			t.Fatalf("%+v", it.Current())
		}
	}
	seen, status, err := Poll(ctx, byRoot)
	if err != nil || seen.Sequence != *back.Sequence || status.State != Fresh {
		t.Fatal(seen, status, err)
	}
	wrong := byRoot
	wrong.Token = "signet_rt_wrong"
	if _, _, err := Poll(ctx, wrong); !errors.Is(err, ErrUnauthenticated) {
		t.Fatal(err)
	}
	other := byRoot
	other.Identity.Environment = "prod"
	if _, _, err := Poll(ctx, other); !errors.Is(err, ErrWrongIdentity) {
		t.Fatal(err)
	}
}

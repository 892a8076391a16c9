package signet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing/fstest"

	"signet.dev/signet"
)

func ExampleOPAFolder() {
	folder := fstest.MapFS{ // os.DirFS("policies")
		"authz/authz.rego": {Data: []byte("package authz\n\ndefault allow := false\n")},
		"authz/data.json":  {Data: []byte(`{"roles": ["admin"]}`)},
		".manifest":        {Data: []byte(`{"roots": ["authz"]}`)},
		"README.md":        {Data: []byte("not published")},
	}
	policies, err := signet.OPAFolder(folder, signet.OPAOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// project.Publish(ctx, "dev", signet.PublishRequest{Policies: policies, MediaType: signet.MediaTypeOPA})
	fmt.Println(string(policies))
	// Output: {"files":{"authz/authz.rego":"package authz\n\ndefault allow := false\n","authz/data.json":"{\"roles\": [\"admin\"]}"},"roots":["authz"],"rego_version":1}
}

func ExampleOpenFile() {
	folder, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "policies.json") // an output of `signet agent`
	_ = os.WriteFile(path, []byte(`{"max_items": 10, "ratio": 1.0}`), 0o600)

	file, err := signet.OpenFile(context.Background(), signet.FileConfig{Path: path, Kind: signet.FilePolicies})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	var policies map[string]any
	if err := file.Current().Decode(&policies, signet.UseNumber()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(policies["max_items"], policies["ratio"])
	// Output: 10 1.0
}

func ExampleOpen_wrongConfig() {
	_, err := signet.Open(context.Background(), signet.Config{URL: "signet.example.com"})
	var wrong *signet.ConfigError
	if errors.As(err, &wrong) {
		fmt.Println(wrong.Field)
	}
	// Output: URL
}

func ExampleCode() {
	refusal := &signet.Refusal{Code: signet.ErrRolledBack, Message: "sequence 3 is below 4"}
	err := fmt.Errorf("not applied: %w", refusal)
	fmt.Println(errors.Is(err, signet.ErrRolledBack), errors.Is(err, signet.ErrRevoked))
	// Output: true false
}

// Command signet-runtime-conformance is a runtime for the conformance kit (test/vectors/README.md): `init` pins a root, and `update` is one
// start from the disk, one poll, and the end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"signet.dev/signet"
	"signet.dev/signet/internal/trust"
)

const usage = `usage: signet-runtime-conformance --state DIRECTORY init ROOT ORG PROJECT ENVIRONMENT
       signet-runtime-conformance --state DIRECTORY --url URL update`

// end is the last line of the output.
type end struct {
	State    signet.State `json:"state"`
	Sequence int64        `json:"sequence"`
	Error    *string      `json:"error"`
}

// pinned is what init keeps for each update.
type pinned struct {
	Root     string          `json:"root"`
	Identity signet.Identity `json:"identity"`
}

// The exit code is 0 for what was accepted, 1 for what was refused and for no answer, 2 for a command that failed.
func main() {
	it, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	line, err := json.Marshal(it)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
	if it.Error != nil {
		os.Exit(1)
	}
}

func run(args []string) (end, error) {
	flags := flag.NewFlagSet("signet-runtime-conformance", flag.ContinueOnError)
	state := flags.String("state", "", "directory")
	url := flags.String("url", "", "of the server")
	if err := flags.Parse(args); err != nil {
		return end{}, err
	}
	rest := flags.Args()
	switch {
	case *state != "" && len(rest) == 5 && rest[0] == "init":
		return initialize(*state, rest[1], signet.Identity{OrgID: rest[2], ProjectID: rest[3], Environment: rest[4]})
	case *state != "" && *url != "" && len(rest) == 1 && rest[0] == "update":
		return update(*state, *url)
	}
	return end{}, errors.New(usage)
}

func initialize(directory, rootFile string, identity signet.Identity) (end, error) {
	root, err := os.ReadFile(rootFile)
	if err != nil {
		return end{}, err
	}
	if _, err := trust.PinnedRoot(string(root), trust.Identity(identity)); err != nil {
		code := trust.CodeOf(err)
		return end{State: signet.Empty, Error: &code}, nil
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return end{}, err
	}
	text, err := json.Marshal(pinned{string(root), identity})
	if err != nil {
		return end{}, err
	}
	return end{State: signet.Empty}, os.WriteFile(filepath.Join(directory, "pinned.json"), text, 0o600)
}

func update(directory, url string) (end, error) {
	text, err := os.ReadFile(filepath.Join(directory, "pinned.json"))
	if err != nil {
		return end{}, err
	}
	var pin pinned
	if err := json.Unmarshal(text, &pin); err != nil {
		return end{}, err
	}
	now, err := clock()
	if err != nil {
		return end{}, err
	}
	token := os.Getenv("SIGNET_TOKEN")
	if token == "" {
		token = "none"
	}
	_, status, err := signet.Poll(context.Background(), signet.Config{
		URL: url, Token: token, Root: pin.Root, Identity: pin.Identity, InstanceID: "conformance",
		CacheDir: filepath.Join(directory, "cache"), Now: now,
	})
	it := end{State: status.State, Sequence: status.Sequence}
	if it.State == signet.Stale {
		it.State = signet.Fresh
	}
	var refusal *signet.Refusal
	var away *signet.APIError
	switch {
	case err == nil:
	case errors.As(err, &refusal):
		it.Error = codeOf(refusal.Code)
	case errors.As(err, &away):
		it.Error = codeOf(signet.ErrUnavailable)
		// A flaw of what is on the disk is told when nothing newer mends it.
		if damage := trust.CodeOf(status.CacheErr); damage != "" {
			it.Error = &damage
		}
	default:
		return end{}, err
	}
	return it, nil
}

func codeOf(code signet.Code) *string {
	text := string(code)
	return &text
}

func clock() (func() time.Time, error) {
	text := os.Getenv("SIGNET_NOW")
	if text == "" {
		return time.Now, nil
	}
	now, err := time.Parse(time.RFC3339, text)
	// Nothing would ever be late by a time that is none.
	if err != nil {
		return nil, fmt.Errorf("SIGNET_NOW must be a time, not %s", text)
	}
	return func() time.Time { return now }, nil
}

// Command guard answers requests by the limits that a Signet server pushes.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"signet.dev/signet"
)

// limits are the policies that this program enforces.
type limits struct {
	MaxItems int `json:"max_items"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	root, err := os.ReadFile(os.Getenv("SIGNET_ROOT")) // trust/root.json, as `signet trust init` made it
	if err != nil {
		return err
	}
	runtime, err := signet.Open(ctx, signet.Config{
		URL:   os.Getenv("SIGNET_URL"),
		Token: os.Getenv("SIGNET_TOKEN"),
		Root:  string(root),
		Identity: signet.Identity{ // as `signet whoami` says
			OrgID: os.Getenv("SIGNET_ORG_ID"), ProjectID: os.Getenv("SIGNET_PROJECT_ID"), Environment: "dev",
		},
		InstanceID: "guard-1",
		Agent:      "guard/1.0",
		CacheDir:   os.Getenv("SIGNET_CACHE"),
		OnUpdate: func(snapshot *signet.Snapshot) error {
			return snapshot.Decode(&limits{}) // what cannot be enforced is reported as rejected
		},
		Logger: slog.Default(),
	})
	if err != nil {
		return err // the configuration is wrong: the network is never the reason
	}
	defer runtime.Close()

	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	first, err := runtime.WaitReady(wait)
	if errors.Is(err, signet.ErrUnauthenticated) {
		return fmt.Errorf("the token is not good any more: %w", err)
	} else if err != nil {
		return err
	}
	fmt.Printf("version %d, proven until %s\n", first.Version, first.ProvenUntil.Format(time.RFC3339))

	server := &http.Server{Addr: os.Getenv("GUARD_ADDRESS"), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		current := runtime.Current() // no lock: for each request
		var now limits
		if current == nil || current.Decode(&now) != nil {
			http.Error(w, "no policy", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "at most %d items, by version %d\n", now.MaxItems, current.Version)
	})}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

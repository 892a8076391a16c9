// Command release publishes a policy document from CI, waits until the fleet has it, and promotes it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"signet.dev/signet"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := release(ctx); err != nil {
		log.Fatal(err)
	}
}

func release(ctx context.Context) error {
	policies, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	client, err := signet.NewClient(os.Getenv("SIGNET_URL"), os.Getenv("SIGNET_TOKEN"))
	if err != nil {
		return err
	}
	project := client.Project("default", os.Getenv("SIGNET_PROJECT"))
	revision := os.Getenv("CI_COMMIT_SHA")

	published, err := project.Publish(ctx, "dev", signet.PublishRequest{
		// Twice the same: the second run answers what the first one made.
		Guards:   signet.Guards{IdempotencyKey: "publish-" + revision, SkipUnchanged: true},
		Policies: policies,
		Title:    "Limits",
		Source:   &signet.Source{Revision: revision},
	})
	var refused *signet.APIError
	if errors.As(err, &refused) {
		for _, field := range refused.Fields {
			fmt.Fprintln(os.Stderr, field.Loc, field.Msg)
		}
	}
	if err != nil {
		return err
	}
	fmt.Printf("dev: version %d\n", published.Version)

	rollout, err := project.WaitForRollout(ctx, "dev", signet.RolloutQuery{Sequence: *published.Sequence, AtLeast: 1})
	if errors.Is(err, signet.ErrRejected) {
		if _, undone := project.Rollback(ctx, "dev", signet.RollbackRequest{Reason: err.Error()}); undone != nil {
			return errors.Join(err, undone)
		}
	}
	if err != nil {
		return err
	}
	fmt.Printf("dev: %d instances have it\n", rollout.Applied)

	promoted, err := project.Promote(ctx, "dev", signet.PromoteRequest{
		Guards: signet.Guards{IdempotencyKey: "promote-" + revision}, SourceVersion: published.Version,
	})
	if err != nil {
		return err
	}
	fmt.Printf("staging: version %d\n", promoted.Version)
	return nil
}

// Uses the client that oapi-codegen generates: publishes, promotes, reads what came of it, and a refusal.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"driver/signetapi"
)

func main() {
	ctx := context.Background()
	token := func(_ context.Context, request *http.Request) error {
		request.Header.Set("X-API-Key", os.Getenv("SIGNET_TOKEN"))
		return nil
	}
	client, err := signetapi.NewClientWithResponses(os.Getenv("SIGNET_URL"), signetapi.WithRequestEditorFn(token))
	check(err)
	org, project, name := os.Getenv("ORG_ID"), os.Getenv("PROJECT_ID"), os.Getenv("CLIENT_NAME")

	published, err := client.PublishBundleWithResponse(ctx, org, project, "dev", nil, signetapi.PublishBundleJSONRequestBody{
		Policies: map[string]any{"pii": map[string]any{"enabled": true}, "threshold": 0.5, "limit": uint32(4294967295)},
		Title:    &name,
		Labels:   &map[string]string{"client": name},
	})
	check(err)
	if published.JSON200 == nil || published.JSON200.Version != 1 || !published.JSON200.IsActive {
		log.Fatalf("publish: %s %s", published.Status(), published.Body)
	}

	promoted, err := client.PromoteBundleWithResponse(ctx, org, project, "dev", nil, signetapi.PromoteBundleJSONRequestBody{PromotedBy: &name})
	check(err)
	if promoted.JSON200 == nil || promoted.JSON200.Origin != signetapi.BundleOriginPromote || *promoted.JSON200.PublishedBy != name {
		log.Fatalf("promote: %s %s", promoted.Status(), promoted.Body)
	}

	read, err := client.GetBundleWithResponse(ctx, org, project, "staging", 1, nil)
	check(err)
	if read.JSON200 == nil || read.JSON200.PoliciesJson["threshold"] != 0.5 || read.JSON200.PolicyHash != published.JSON200.PolicyHash {
		log.Fatalf("get: %s %s", read.Status(), read.Body)
	}

	missing, err := client.GetBundleWithResponse(ctx, org, project, "staging", 4294967295, nil)
	check(err)
	if missing.JSON404 == nil || missing.JSON404.RequestId == "" || missing.JSON404.Detail == nil {
		log.Fatalf("get what is not there: %s %s", missing.Status(), missing.Body)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

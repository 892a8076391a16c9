// Uses the client that OpenAPI Generator's go generates: publishes, promotes, reads what came of it, and a refusal.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"driver/signetapi"
)

func main() {
	ctx := context.WithValue(context.Background(), signetapi.ContextAccessToken, os.Getenv("SIGNET_TOKEN"))
	configuration := signetapi.NewConfiguration()
	configuration.Servers = signetapi.ServerConfigurations{{URL: os.Getenv("SIGNET_URL")}}
	bundles := signetapi.NewAPIClient(configuration).BundleAPI
	org, project, name := os.Getenv("ORG_ID"), os.Getenv("PROJECT_ID"), os.Getenv("CLIENT_NAME")

	request := signetapi.NewPublishBundleRequest(map[string]any{
		"pii": map[string]any{"enabled": true}, "threshold": 0.5, "limit": uint32(4294967295),
	})
	request.SetTitle(name)
	request.SetLabels(map[string]string{"client": name})
	published, _, err := bundles.PublishBundle(ctx, org, project, "dev").PublishBundleRequest(*request).Execute()
	check(err)
	if published.GetVersion() != 1 || !published.GetIsActive() {
		log.Fatalf("publish: %+v", published)
	}

	promotion := signetapi.NewPromoteBundleRequest()
	promotion.SetPromotedBy(name)
	promoted, _, err := bundles.PromoteBundle(ctx, org, project, "dev").PromoteBundleRequest(*promotion).Execute()
	check(err)
	if promoted.GetOrigin() != "promote" || promoted.GetPublishedBy() != name {
		log.Fatalf("promote: %+v", promoted)
	}

	read, _, err := bundles.GetBundle(ctx, org, project, "staging", 1).Execute()
	check(err)
	if read.GetPoliciesJson()["threshold"] != 0.5 || read.GetPolicyHash() != published.GetPolicyHash() {
		log.Fatalf("get: %+v", read)
	}

	_, _, err = bundles.GetBundle(ctx, org, project, "staging", 4294967295).Execute()
	var refused *signetapi.GenericOpenAPIError
	if !errors.As(err, &refused) {
		log.Fatalf("get what is not there: %v", err)
	}
	if body, ok := refused.Model().(signetapi.Error); !ok || body.GetCode() != 404 || body.GetRequestId() == "" {
		log.Fatalf("get what is not there: %s", refused.Body())
	}
}

func check(err error) {
	if refused := new(signetapi.GenericOpenAPIError); errors.As(err, &refused) {
		log.Fatalf("%v: %s", err, refused.Body())
	}
	if err != nil {
		log.Fatal(err)
	}
}

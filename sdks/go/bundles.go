package signet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The kinds of policies.
const (
	// MediaTypeJSON is a policy document of any kind.
	MediaTypeJSON = "application/json"
	// MediaTypeOPA is Rego and data for Open Policy Agent, as OPAFolder reads them.
	MediaTypeOPA = "application/vnd.openpolicyagent.bundles"
)

// Bundle is an immutable, numbered snapshot of policies in one environment.
type Bundle struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	// PolicyHash is sha256: and 64 hex digits.
	PolicyHash  string            `json:"policy_hash"`
	IsActive    bool              `json:"is_active"`
	MediaType   string            `json:"media_type"`
	PublishedBy *string           `json:"published_by"`
	PublishedAt time.Time         `json:"published_at"`
	Title       *string           `json:"title"`
	Description *string           `json:"description"`
	Labels      map[string]string `json:"labels"`
	Source      *Source           `json:"source"`
	// Origin is how it came into this environment: publish, promote or import.
	Origin string `json:"origin"`
	// DeploymentID and Sequence are of its newest activation; nil when it was never active.
	DeploymentID *string `json:"deployment_id"`
	Sequence     *int64  `json:"sequence"`
	// ActivatedAt and ReplacedAt are when it was active the last time; of Versions and Get alone.
	ActivatedAt *time.Time `json:"activated_at"`
	ReplacedAt  *time.Time `json:"replaced_at"`
	// Warnings are what may go wrong with an activation.
	Warnings []string `json:"warnings"`
	// Change is what the call changed, or would change; of Publish and Promote, and of dry runs.
	Change *Change `json:"change"`
}

// BundleWithPolicies is a bundle and what is in it.
type BundleWithPolicies struct {
	Bundle
	Policies      json.RawMessage `json:"policies_json"`
	ScopePolicies json.RawMessage `json:"scope_policies_json"`
	// Signature and SignatureV2 are base64, and KeyID names the key of both (docs/bundle-format.md).
	Signature   string `json:"signature"`
	SignatureV2 string `json:"signature_v2"`
	KeyID       string `json:"key_id"`
}

// Change is what a call changed, or would change.
type Change struct {
	DryRun bool `json:"dry_run"`
	// Unchanged: the content is that of the bundle that was active before.
	Unchanged bool `json:"unchanged"`
	// Skipped: nothing was made, as SkipUnchanged asks for; the bundle is the active one.
	Skipped bool `json:"skipped"`
	// Difference is of dry runs; nil when it takes too long.
	Difference *Difference `json:"difference"`
	// Quota is of dry runs of Publish and Promote.
	Quota *struct {
		Kept int64 `json:"kept"`
		// Limit is nil for none.
		Limit *int64 `json:"limit"`
	} `json:"quota"`
}

// Difference is what differs between two documents: the first 1,000 changes, in an order in which they can be applied.
type Difference struct {
	Changes      []ValueChange `json:"changes"`
	ChangesTotal int64         `json:"changes_total"`
	// Truncated: there are more than Changes has.
	Truncated bool `json:"truncated"`
}

// ValueChange is one value that differs.
type ValueChange struct {
	// Op is add, remove or replace.
	Op string `json:"op"`
	// Path is a JSON Pointer from /policies or /scope_policies.
	Path string `json:"path"`
	// OldValue and NewValue are null where there is none, and when they are longer than 2,000 characters: then the excerpts have 200.
	OldValue   json.RawMessage `json:"old_value"`
	NewValue   json.RawMessage `json:"new_value"`
	OldExcerpt *string         `json:"old_excerpt"`
	NewExcerpt *string         `json:"new_excerpt"`
}

// PublishRequest is what to publish.
type PublishRequest struct {
	Guards
	// Policies are an object: the text of a file, what Policies makes of a value, or what OPAFolder reads.
	Policies json.RawMessage `json:"policies"`
	// ScopePolicies are policies by "tenant:app:agent:env", * for any.
	ScopePolicies json.RawMessage `json:"scope_policies,omitempty"`
	// MediaType is MediaTypeJSON unless it is set.
	MediaType   string            `json:"media_type,omitempty"`
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	PublishedBy string            `json:"published_by,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Source      *Source           `json:"source,omitempty"`
	// Inactive only keeps and signs it.
	Inactive bool `json:"-"`
	// Reason is recorded with the activation, and told to watches and webhooks.
	Reason string `json:"reason,omitempty"`
	// DryRun checks everything, changes nothing, and answers what would be made.
	DryRun bool `json:"dry_run,omitempty"`
	// Release is the envelope of the authors' release of this content, where the project's root asks for one.
	Release json.RawMessage `json:"release,omitempty"`
}

// ActivateRequest is how to activate.
type ActivateRequest struct {
	Guards
	// Hold keeps the environment at this version until it is released.
	Hold   bool   `json:"hold,omitempty"`
	Reason string `json:"reason,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// RollbackRequest is where to go back to.
type RollbackRequest struct {
	Guards
	// ToVersion is 0 for the version that was active before.
	ToVersion int64  `json:"to_version,omitempty"`
	Hold      bool   `json:"hold,omitempty"`
	Reason    string `json:"reason,omitempty"`
	DryRun    bool   `json:"dry_run,omitempty"`
}

// PromoteRequest is how to promote.
type PromoteRequest struct {
	Guards
	PromotedBy string `json:"promoted_by,omitempty"`
	Reason     string `json:"reason,omitempty"`
	// SourceVersion refuses with ErrPreconditionFailed unless it is active in the source; 0 for any.
	SourceVersion int64 `json:"source_version,omitempty"`
	DryRun        bool  `json:"dry_run,omitempty"`
}

// Publish makes a new version of an environment, active at once unless it is Inactive.
func (p *Project) Publish(ctx context.Context, environment string, request PublishRequest) (*Bundle, error) {
	type fields PublishRequest
	body := struct {
		fields
		Activate *bool `json:"activate,omitempty"`
	}{fields: fields(request)}
	if request.Inactive {
		body.Activate = new(bool)
	}
	return change[Bundle](ctx, p.client, p.environment(environment, "/bundles/publish"), request.Guards, body)
}

// Promote publishes what is active in an environment to the next one, and returns the new bundle there.
func (p *Project) Promote(ctx context.Context, source string, request PromoteRequest) (*Bundle, error) {
	bundle, err := change[Bundle](ctx, p.client, p.environment(source, "/promote"), request.Guards, request)
	var failed *APIError
	if errors.As(err, &failed) && failed.FromServer && failed.Reason == ErrMalformed {
		// REST says no more than 400 here, and what this client sends is never malformed.
		failed.Code, failed.Reason = ErrNoTarget, ErrNoTarget
	}
	return bundle, err
}

// Activate makes a version that is kept the active one again.
func (p *Project) Activate(ctx context.Context, environment string, version int64, request ActivateRequest) (*Bundle, error) {
	path := p.environment(environment, "/bundles/"+strconv.FormatInt(version, 10)+"/activate")
	return change[Bundle](ctx, p.client, path, request.Guards, request)
}

// Rollback makes an older version the active one: the one that was active before, unless the request names another.
func (p *Project) Rollback(ctx context.Context, environment string, request RollbackRequest) (*Bundle, error) {
	return change[Bundle](ctx, p.client, p.environment(environment, "/rollback"), request.Guards, request)
}

// VersionsQuery is which versions are listed.
type VersionsQuery struct {
	// Limit is 1 to 1,000; 0 for 1,000. A page may be shorter.
	Limit int
	// BeforeVersion goes on below a version: what Versions returned.
	BeforeVersion int64
	// Text is in the title, description, publisher, labels, source or the start of the hash.
	Text string
	// Label is key=value.
	Label          string
	PublishedBy    string
	SourceRevision string
	MediaType      string
}

// Versions lists versions without their policies, newest first. next goes on with the list as BeforeVersion; it is 0 at the end.
func (p *Project) Versions(ctx context.Context, environment string, query VersionsQuery) (bundles []Bundle, next int64, err error) {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" && value != "0" {
			values.Set(name, value)
		}
	}
	set("limit", strconv.Itoa(query.Limit))
	set("before_version", strconv.FormatInt(query.BeforeVersion, 10))
	set("text", query.Text)
	set("label", query.Label)
	set("published_by", query.PublishedBy)
	set("source_revision", query.SourceRevision)
	set("media_type", query.MediaType)
	path := p.environment(environment, "/bundles?"+values.Encode())
	text, header, err := p.client.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, 0, err
	}
	if err := json.Unmarshal(text, &bundles); err != nil {
		return nil, 0, notSignet("the answer is no list of bundles")
	}
	next, _ = strconv.ParseInt(header.Get("Signet-Next-Before-Version"), 10, 64)
	return bundles, next, nil
}

// Get returns a version with its policies.
func (p *Project) Get(ctx context.Context, environment string, version int64) (*BundleWithPolicies, error) {
	path := p.environment(environment, "/bundles/"+strconv.FormatInt(version, 10))
	return call[BundleWithPolicies](ctx, p.client, http.MethodGet, path, nil, nil)
}

// Document returns the signed document of a version, exactly the bytes that runtimes get: see VerifyDocument.
func (p *Project) Document(ctx context.Context, environment string, version int64) ([]byte, error) {
	path := p.environment(environment, "/bundles/"+strconv.FormatInt(version, 10)+"/document")
	text, _, err := p.client.send(ctx, http.MethodGet, path, nil, nil)
	return text, err
}

// Diff returns the JSON Patch (RFC 6902) from the policies of one version to those of another; empty when they are equal.
func (p *Project) Diff(ctx context.Context, environment string, from, to int64) ([]PatchOperation, error) {
	path := p.environment(environment, "/bundles/"+strconv.FormatInt(from, 10)+"/diff/"+strconv.FormatInt(to, 10))
	patch, err := call[[]PatchOperation](ctx, p.client, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	return *patch, nil
}

// PatchOperation is one of a JSON Patch.
type PatchOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	From  string          `json:"from,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// CompareQuery is what is compared: two versions of an environment, or what promoting From would change in To.
type CompareQuery struct {
	From string
	// FromVersion is 0 for the active one, as ToVersion is.
	FromVersion int64
	// To is From unless it is set.
	To        string
	ToVersion int64
}

// Comparison is two versions beside each other.
type Comparison struct {
	// Before is nil when nothing is active there.
	Before     *ComparedBundle `json:"before"`
	After      ComparedBundle  `json:"after"`
	Difference Difference      `json:"difference"`
}

// ComparedBundle is one side of a Comparison.
type ComparedBundle struct {
	Environment string `json:"environment"`
	BundleID    string `json:"bundle_id"`
	Version     int64  `json:"version"`
	PolicyHash  string `json:"policy_hash"`
	IsActive    bool   `json:"is_active"`
	MediaType   string `json:"media_type"`
}

// Compare returns old and new values beside each other.
func (p *Project) Compare(ctx context.Context, query CompareQuery) (*Comparison, error) {
	values := url.Values{"from_env": {query.From}}
	if query.To != "" {
		values.Set("to_env", query.To)
	}
	if query.FromVersion > 0 {
		values.Set("from_version", strconv.FormatInt(query.FromVersion, 10))
	}
	if query.ToVersion > 0 {
		values.Set("to_version", strconv.FormatInt(query.ToVersion, 10))
	}
	return call[Comparison](ctx, p.client, http.MethodGet, p.path+"/compare?"+values.Encode(), nil, nil)
}

package trust

import (
	"time"

	"signet.dev/signet/internal/strictjson"
)

// Identity is whom a runtime is for. Every object must be of this organization, project and environment.
type Identity struct {
	OrgID, ProjectID string
	// Environment is its name.
	Environment string
}

// Held is an object that verified, with its envelope.
type Held[T any] struct {
	Envelope string
	// Digest is the SHA-256 of the payload: its name in other objects, whoever signed it.
	Digest string
	Value  T
}

// Lease says that an activation is the newest of its environment, until it expires.
type Lease struct {
	RootVersion int64
	// Sequence is 0 while nothing is active.
	Sequence int64
	// Activation is the digest of its payload; empty while nothing is active.
	Activation          string
	IssuedAt, ExpiresAt time.Time
}

// Activation says that a content became active under a sequence.
type Activation struct {
	// Content is the SHA-256 of its bytes, Document that of the format-1 document.
	Content, Document string
	Sequence          int64
	Kind              string
	BundleID          string
	// Version is the bundle's number in its environment.
	Version      int64
	DeploymentID string
	ActivatedAt  time.Time
	MediaType    string
	// Size is of the content, in bytes.
	Size int64
	// Release is the digest of its payload; empty where there is none.
	Release string
}

// Release says which content its authors let run in which environment.
type Release struct {
	// Subjects are digests of contents by environment.
	Subjects map[string]string
	Number   int64
	// ExpiresAt is zero for one that does not expire.
	ExpiresAt time.Time
	MediaType string
	// Source is nil where its authors named none.
	Source *Source
}

// Source is where a release comes from, as its authors say.
type Source struct{ Repository, Revision, URL string }

const (
	leaseType           = "application/vnd.signet.lease+json"
	statementType       = "application/vnd.in-toto+json"
	statementKind       = "https://in-toto.io/Statement/v1"
	activationPredicate = "https://signet.dev/activation/v1"
	releasePredicate    = "https://signet.dev/release/v1"
	maxSubjects         = 512
)

// verifyLease is what of step 2 holds whenever it is read: size, threshold, type, identity.
func verifyLease(text string, root *Root, identity Identity) (*Held[Lease], error) {
	payload, err := verified(text, leaseType, root.ruleOf(roleLease, identity.Environment))
	if err != nil {
		return nil, err
	}
	o, err := payloadObject(payload, "lease")
	if err != nil {
		return nil, err
	}
	if kind := o.text("type", 100); *o.err == nil && kind != "signet-lease/1" {
		return nil, refuse(WrongType, "the lease is not signet-lease/1")
	}
	lease := Lease{
		RootVersion: o.integer("root_version", 0),
		Sequence:    o.integer("sequence", 0),
		Activation:  o.optionalDigest("activation"),
		IssuedAt:    o.time("issued_at"),
		ExpiresAt:   o.time("expires_at"),
	}
	if (lease.Sequence == 0) != (lease.Activation == "") {
		o.fail("activation", "there with a sequence from 1, and not with 0")
	}
	if err := requireIdentity(o, identity); err != nil {
		return nil, err
	}
	return &Held[Lease]{text, Digest(payload), lease}, nil
}

// verifyActivation is what of step 3 holds whenever it is read: threshold, types, identity.
func verifyActivation(text string, root *Root, identity Identity) (*Held[Activation], error) {
	payload, err := verified(text, statementType, root.ruleOf(roleActivation, identity.Environment))
	if err != nil {
		return nil, err
	}
	subjects, o, err := parseStatement(payload, activationPredicate, "activation")
	if err != nil {
		return nil, err
	}
	activation := Activation{
		Content:      subjects["content"],
		Document:     subjects["document"],
		Sequence:     o.integer("sequence", 1),
		Kind:         o.text("kind", 63),
		BundleID:     o.text("bundle_id", maxIDLength),
		Version:      o.integer("version", 1),
		DeploymentID: o.text("deployment_id", maxIDLength),
		ActivatedAt:  o.time("activated_at"),
		MediaType:    o.text("media_type", 255),
		Size:         o.integer("size", 0),
		Release:      o.optionalDigest("release"),
	}
	o.optionalDigest("previous")
	if activation.Content == "" || activation.Document == "" {
		o.refuse(refuse(Malformed, "activation must have the subjects content and document"))
	}
	if err := requireIdentity(o, identity); err != nil {
		return nil, err
	}
	return &Held[Activation]{text, Digest(payload), activation}, nil
}

// verifyRelease is what of step 4 holds whenever it is read: threshold of the environment's authors, types, identity.
func verifyRelease(text string, root *Root, identity Identity) (*Held[Release], error) {
	payload, err := verified(text, statementType, root.ruleOf(roleRelease, identity.Environment))
	if err != nil {
		return nil, err
	}
	subjects, o, err := parseStatement(payload, releasePredicate, "release")
	if err != nil {
		return nil, err
	}
	release := Release{
		Subjects:  subjects,
		Number:    o.integer("number", 1),
		MediaType: o.text("media_type", 255),
	}
	for name := range subjects {
		if !environmentForm.MatchString(name) {
			o.refuse(refuse(Malformed, "release names %q, which is no environment", name))
		}
	}
	if len(subjects) == 0 {
		o.refuse(refuse(Malformed, "release has no subject"))
	}
	o.time("created_at")
	if o.has("expires_at") {
		release.ExpiresAt = o.time("expires_at")
	}
	if o.has("source") {
		source := o.object("source")
		release.Source = &Source{source.text("repository", 500), source.text("revision", 500), source.text("url", 500)}
	}
	orgID, projectID := o.text("org_id", maxIDLength), o.text("project_id", maxIDLength)
	if *o.err != nil {
		return nil, *o.err
	}
	if err := requireProject("release", orgID, projectID, identity.OrgID, identity.ProjectID); err != nil {
		return nil, err
	}
	return &Held[Release]{text, Digest(payload), release}, nil
}

// requireReleased checks that the release's subject for the environment is the content, and its media type the activation's: else a
// server could have what the authors signed read as something else.
func requireReleased(release Release, activation Activation, environment string) error {
	released, isNamed := release.Subjects[environment]
	switch {
	case !isNamed:
		return refuse(ReleaseMissing, "the release is not for %s", environment)
	case released != activation.Content:
		return refuse(DigestMismatch, "the release names another content for %s", environment)
	case release.MediaType != activation.MediaType:
		return refuse(MixAndMatch, "the release is of %s, the activation of %s", release.MediaType, activation.MediaType)
	}
	return nil
}

// parseStatement parses an in-toto Statement v1 up to its predicate. Subjects are digests by name.
func parseStatement(payload []byte, predicateType, name string) (map[string]string, object, error) {
	o, err := payloadObject(payload, name)
	if err != nil {
		return nil, object{}, err
	}
	for _, it := range [][2]string{{"_type", statementKind}, {"predicateType", predicateType}} {
		if actual := o.text(it[0], 255); *o.err == nil && actual != it[1] {
			o.refuse(refuse(WrongType, "%s.%s is %s, not %s", name, it[0], actual, it[1]))
		}
	}
	subjects := map[string]string{}
	items := o.list("subject", maxSubjects)
	for i := range items {
		if items[i].Kind != strictjson.Object {
			o.fail("subject", "a list of objects")
			continue
		}
		subject := object{&items[i], name + ".subject", o.err}
		subjectName := subject.text("name", 255)
		if _, isDouble := subjects[subjectName]; isDouble {
			o.refuse(refuse(Malformed, "%s has two subjects of one name", name))
		}
		subjects[subjectName] = subject.object("digest").matching("sha256", digestForm)
	}
	return subjects, o.object("predicate"), *o.err
}

// requireIdentity is last, so that what else is wrong with an object comes first.
func requireIdentity(o object, identity Identity) error {
	orgID, projectID := o.text("org_id", maxIDLength), o.text("project_id", maxIDLength)
	environment := o.matching("environment", environmentForm)
	if *o.err != nil {
		return *o.err
	}
	if err := requireProject(o.name, orgID, projectID, identity.OrgID, identity.ProjectID); err != nil {
		return err
	}
	if environment != identity.Environment {
		return refuse(WrongIdentity, "the %s is of environment %s, not %s", o.name, environment, identity.Environment)
	}
	return nil
}

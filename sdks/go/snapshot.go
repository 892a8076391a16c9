package signet

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"signet.dev/signet/internal/strictjson"
	"signet.dev/signet/internal/trust"
)

// maxContentDepth is above the nesting that a server takes.
const maxContentDepth = 128

// Snapshot is what an environment enforces, verified. It never changes; so its bytes must not be changed by those who read them.
type Snapshot struct {
	// Content is the exact text whose SHA-256 is Hash: {"policies":…,"scope_policies":…}.
	Content []byte
	// Policies and ScopePolicies are the two objects of it. Numbers are as they were published.
	Policies, ScopePolicies json.RawMessage
	// Hash is sha256: and 64 hex digits.
	Hash string
	// MediaType says how to read the policies: application/json, or that of a bundle of OPA.
	MediaType string
	// Version is the bundle's number in its environment.
	Version int64
	// Sequence grows with every activation, also with a rollback: the only measure of what is newer.
	Sequence     int64
	DeploymentID string
	// Kind is how it became active: publish, activate, promote, rollback or import.
	Kind        string
	ActivatedAt time.Time
	// Release is nil where the root asks for none.
	Release *Release
	// ProvenUntil is the earlier of the expiries of the lease and of the release. Each lease moves it, in a new snapshot.
	ProvenUntil time.Time
}

// Release is what authors signed, and what allows an activation where the root asks for it.
type Release struct {
	// Number is the authors' counter.
	Number int64
	// Authors signed it, by the root's names for them; by a key's id where it has none.
	Authors []string
	// ExpiresAt is zero for one that does not expire.
	ExpiresAt time.Time
	// Source is where it comes from, as the authors say; nil where they do not.
	Source *Source
}

// Source is where policies come from, as their author or publisher says.
type Source struct {
	Repository string `json:"repository"`
	Revision   string `json:"revision"`
	URL        string `json:"url"`
}

// DecodeOption changes how Decode reads JSON.
type DecodeOption func(*json.Decoder)

// UseNumber reads numbers into any as json.Number, which keeps their digits.
func UseNumber() DecodeOption { return (*json.Decoder).UseNumber }

// DisallowUnknownFields makes Decode fail for policies that the target has no field for.
func DisallowUnknownFields() DecodeOption { return (*json.Decoder).DisallowUnknownFields }

// Decode reads the policies into v, as json.Unmarshal does.
func (s *Snapshot) Decode(v any, options ...DecodeOption) error {
	decoder := json.NewDecoder(bytes.NewReader(s.Policies))
	for _, option := range options {
		option(decoder)
	}
	err := decoder.Decode(v)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// isSame tells whether two snapshots are of one activation. An id alone may come again with something else.
func (s *Snapshot) isSame(other *Snapshot) bool {
	return s.DeploymentID == other.DeploymentID && s.Sequence == other.Sequence && s.Hash == other.Hash
}

// splitContent finds the two objects of a content whose digest was compared.
func splitContent(content []byte) (policies, scopePolicies json.RawMessage, err error) {
	spans, err := strictjson.Spans(content, maxContentDepth)
	if err != nil {
		return nil, nil, &trust.Error{Code: trust.Malformed, Message: "the content: " + err.Error()}
	}
	policies, scopePolicies = spans["policies"], spans["scope_policies"]
	if len(policies) == 0 || policies[0] != '{' || len(scopePolicies) == 0 || scopePolicies[0] != '{' {
		return nil, nil, &trust.Error{Code: trust.Malformed, Message: "the content has no policies or no scope_policies"}
	}
	return policies, scopePolicies, nil
}

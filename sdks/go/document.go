package signet

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"signet.dev/signet/internal/format1"
	"signet.dev/signet/internal/strictjson"
	"signet.dev/signet/internal/trust"
)

// Why a document of format 1 is refused (docs/bundle-format.md), besides ErrMalformed.
const (
	// ErrFormat: its version is not 1.
	ErrFormat Code = "format"
	// ErrHash: policy_hash is not the hash of the content.
	ErrHash Code = "hash"
	// ErrSignatureMissing: no signature over the hash.
	ErrSignatureMissing Code = "signature_missing"
	// ErrUnknownKey: key_id names no key that is trusted.
	ErrUnknownKey Code = "unknown_key"
	// ErrSignature: the signature over the hash does not verify.
	ErrSignature Code = "signature"
	// ErrSignatureV2Missing: no signature over content and identity.
	ErrSignatureV2Missing Code = "signature_v2_missing"
	// ErrSignatureV2: the signature over content and identity does not verify.
	ErrSignatureV2 Code = "signature_v2"
	// ErrIdentity: a good document of another organization, project or environment.
	ErrIdentity Code = "identity"
)

// Document is a bundle document of format 1 that verified.
type Document struct {
	BundleID    string
	OrgID       string
	ProjectID   string
	Environment string
	PublishedAt string
	// Policies and ScopePolicies are texts of the document: numbers are as they were published.
	Policies, ScopePolicies json.RawMessage
	// PolicyHash is sha256: and 64 hex digits.
	PolicyHash string
	// BundleVersion is the bundle's number, which no signature covers; 0 where the document has none.
	BundleVersion int64
	// KeyID is the key that signed.
	KeyID string
	// IdentityIsSigned: signature_v2 verified too.
	IdentityIsSigned bool
}

// DocumentOption changes what VerifyDocument asks for.
type DocumentOption func(*documentOptions)

type documentOptions struct {
	withoutV2 bool
}

// AcceptWithoutSignatureV2 takes documents whose identity is not signed.
func AcceptWithoutSignatureV2() DocumentOption {
	return func(o *documentOptions) { o.withoutV2 = true }
}

// maxDocumentDepth is one level around the policies.
const maxDocumentDepth = 65

// VerifyDocument verifies a bundle document of format 1 by public keys in PEM: strict JSON, format, hash, both signatures, and the fields of
// expected that are set. It proves who signed what for whom, and not that it is the newest: a Runtime does.
//
// The error is a *Refusal whose code names the first check that failed, or a *ConfigError for keys that are none.
func VerifyDocument(text []byte, keys []string, expected Identity, options ...DocumentOption) (*Document, error) {
	var chosen documentOptions
	for _, option := range options {
		option(&chosen)
	}
	trusted := make([]trust.Key, 0, len(keys))
	for _, pem := range keys {
		key, err := publicKey(pem)
		if err != nil {
			return nil, &ConfigError{"keys", "Ed25519 public keys in PEM"}
		}
		trusted = append(trusted, key)
	}
	parsed, err := parseDocument(text)
	if err != nil {
		return nil, err
	}
	document := &parsed.Document
	content := parsed.content()
	if hash := "sha256:" + trust.Digest([]byte(content)); hash != document.PolicyHash {
		return nil, refuseDocument(ErrHash, "policy_hash is not the hash of the content")
	}
	key, err := parsed.signer(trusted)
	if err != nil {
		return nil, err
	}
	document.KeyID = key.ID[:16]
	if parsed.signatureV2 != nil {
		if !isSigned(key, parsed.messageV2(), *parsed.signatureV2) {
			return nil, refuseDocument(ErrSignatureV2, "signature_v2 does not verify")
		}
		document.IdentityIsSigned = true
	} else if !chosen.withoutV2 {
		return nil, refuseDocument(ErrSignatureV2Missing, "the document has no signature_v2")
	}
	if err := parsed.isOf(expected); err != nil {
		return nil, err
	}
	return document, nil
}

func refuseDocument(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

// parsedDocument is a document of which the types of fields are checked, and nothing else.
type parsedDocument struct {
	Document
	// policies, scope and scopePolicies are canonical.
	policies, scope, scopePolicies string
	keyID, signature, signatureV2  *string
}

func parseDocument(text []byte) (*parsedDocument, error) {
	value, err := strictjson.Parse(text, maxDocumentDepth)
	if err != nil || value.Kind != strictjson.Object {
		return nil, refuseDocument(ErrMalformed, "the document is not an object of strict JSON")
	}
	isOne := false
	if version := value.Get("version"); version != nil && version.Kind == strictjson.Number {
		number, _ := strconv.ParseFloat(string(version.Raw), 64)
		isOne = number == 1
	}
	if !isOne {
		return nil, refuseDocument(ErrFormat, "version must be 1")
	}
	var flaw error
	field := func(name string, kind strictjson.Kind) *strictjson.Value {
		it := value.Get(name)
		if it == nil || it.Kind != kind {
			flaw = refuseDocument(ErrMalformed, "%s has the wrong type, or is missing", name)
			return &strictjson.Value{}
		}
		return it
	}
	optional := func(name string) *string {
		if value.Get(name) == nil {
			return nil
		}
		return &field(name, strictjson.String).Text
	}
	parsed := &parsedDocument{Document: Document{
		BundleID:      field("bundle_id", strictjson.String).Text,
		OrgID:         field("org_id", strictjson.String).Text,
		ProjectID:     field("project_id", strictjson.String).Text,
		Environment:   field("environment", strictjson.String).Text,
		PublishedAt:   field("published_at", strictjson.String).Text,
		PolicyHash:    field("policy_hash", strictjson.String).Text,
		Policies:      field("policies", strictjson.Object).Raw,
		ScopePolicies: field("scope_policies", strictjson.Object).Raw,
	}}
	parsed.policies = string(format1.Append(nil, field("policies", strictjson.Object)))
	parsed.scopePolicies = string(format1.Append(nil, field("scope_policies", strictjson.Object)))
	parsed.scope = string(format1.Append(nil, field("scope", strictjson.Object)))
	parsed.keyID, parsed.signature, parsed.signatureV2 = optional("key_id"), optional("signature"), optional("signature_v2")
	if version := value.Get("bundle_version"); version != nil {
		parsed.BundleVersion, _ = strconv.ParseInt(string(version.Raw), 10, 64)
	}
	if flaw != nil {
		return nil, flaw
	}
	return parsed, nil
}

// isOf compares the fields of expected that are set.
func (d *parsedDocument) isOf(expected Identity) error {
	for _, it := range [][3]string{
		{"org_id", d.OrgID, expected.OrgID},
		{"project_id", d.ProjectID, expected.ProjectID},
		{"environment", d.Environment, expected.Environment},
	} {
		if it[2] != "" && it[1] != it[2] {
			return refuseDocument(ErrIdentity, "%s is %s, expected %s", it[0], it[1], it[2])
		}
	}
	return nil
}

// content is what policy_hash is of.
func (d *parsedDocument) content() string {
	return `{"policies":` + d.policies + `,"scope_policies":` + d.scopePolicies + `}`
}

// signer is the key that signed the hash.
func (d *parsedDocument) signer(keys []trust.Key) (trust.Key, error) {
	if d.signature == nil {
		return trust.Key{}, refuseDocument(ErrSignatureMissing, "the document has no signature")
	}
	isKnown := false
	for _, key := range keys {
		if d.keyID != nil && *d.keyID != key.ID[:16] {
			continue
		}
		isKnown = true
		if isSigned(key, d.PolicyHash, *d.signature) {
			return key, nil
		}
	}
	if !isKnown {
		return trust.Key{}, refuseDocument(ErrUnknownKey, "no trusted key has the document's key_id")
	}
	return trust.Key{}, refuseDocument(ErrSignature, "signature does not verify")
}

// messageV2 is what the second signature is over, in canonical order.
func (d *parsedDocument) messageV2() string {
	var text strings.Builder
	text.WriteString("znyx-policy-bundle-sig-v2\x00{\"bundle_format_version\":1")
	for _, it := range []struct{ name, canonical string }{
		{"bundle_id", canonicalString(d.BundleID)},
		{"environment", canonicalString(d.Environment)},
		{"org_id", canonicalString(d.OrgID)},
		{"policies", d.policies},
		{"project_id", canonicalString(d.ProjectID)},
		{"published_at", canonicalString(d.PublishedAt)},
		{"scope", d.scope},
		{"scope_policies", d.scopePolicies},
	} {
		text.WriteString(`,"` + it.name + `":` + it.canonical)
	}
	text.WriteString("}")
	return text.String()
}

func canonicalString(text string) string { return string(format1.AppendString(nil, text)) }

// isSigned takes standard base64 with padding, and nothing else.
func isSigned(key trust.Key, message, signature string) bool {
	if strings.ContainsAny(signature, "\r\n") {
		return false
	}
	bytes, err := base64.StdEncoding.Strict().DecodeString(signature)
	return err == nil && ed25519.Verify(key.Public, []byte(message), bytes)
}

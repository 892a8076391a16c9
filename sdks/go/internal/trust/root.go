package trust

import (
	"crypto/ed25519"
	"encoding/hex"
	"time"
)

// Key is a public key that a root names.
type Key struct {
	// ID is the SHA-256 of the key's SubjectPublicKeyInfo, 64 hex digits.
	ID     string
	Public ed25519.PublicKey
}

// spkiPrefix is the SubjectPublicKeyInfo of an Ed25519 key, up to the key (RFC 8410, section 4).
var spkiPrefix, _ = hex.DecodeString("302a300506032b6570032100")

// NewKey is a public key of 32 bytes with its id.
func NewKey(public ed25519.PublicKey) Key {
	return Key{Digest(append(append([]byte(nil), spkiPrefix...), public...)), public}
}

// Root says who may sign what for one project: the document that a runtime pins.
type Root struct {
	OrgID, ProjectID string
	// Version is 1, 2, … without gaps; 0 for PinnedKeys.
	Version int64
	// ExpiresAt is zero for PinnedKeys, which do not expire.
	ExpiresAt time.Time
	// Names are for people, by key id: they decide nothing.
	Names map[string]string

	keys         map[string]Key
	roles        rules
	environments map[string]rules
	// byReleaseNumber: only releases with higher numbers are taken.
	byReleaseNumber bool
	revoked         map[string]bool
}

// A role is what a key may sign.
type role string

const (
	roleRoot       role = "root"
	roleActivation role = "activation"
	roleLease      role = "lease"
	roleRelease    role = "release"
)

type rules map[role]signatories

// signatories are the keys of a role, of which threshold must sign.
type signatories struct {
	threshold int
	keys      []Key
}

// The caps on a root, which bound the work on an envelope that nobody signed.
const (
	maxRoleKeys     = 64
	maxKeys         = 512
	maxEnvironments = 512
	maxRevoked      = 1024
	maxRootsAtOnce  = 64
)

const rootType = "application/vnd.signet.root+json"

// ruleOf is the rule of a role in an environment: its own one, else the root's.
func (r *Root) ruleOf(of role, environment string) signatories {
	if own, isThere := r.environments[environment][of]; isThere {
		return own
	}
	return r.roles[of]
}

func (r *Root) asksForRelease(environment string) bool {
	return r.ruleOf(roleRelease, environment).threshold > 0
}

// PinnedKeys is level 0: trust in just these keys of a server, for activations and leases. It asks for no release, never expires and has
// no next version.
func PinnedKeys(keys []Key) *Root {
	rule := signatories{threshold: 1, keys: keys}
	return &Root{roles: rules{roleActivation: rule, roleLease: rule}}
}

// PinnedRoot reads the root that a runtime is given: signed by a threshold of its own keys, which proves that it is whole, and of the
// runtime's project. That it has not expired is not checked: newer ones may be served.
func PinnedRoot(text string, identity Identity) (*Root, error) {
	read, err := readEnvelope(text)
	if err != nil {
		return nil, err
	}
	// Before its signatures: who may sign is in it, and whoever gave it is trusted.
	root, err := parseRoot(read.payload)
	if err != nil {
		return nil, err
	}
	if _, err := verified(text, rootType, root.roles[roleRoot]); err != nil {
		return nil, err
	}
	return root, requireProject("root", root.OrgID, root.ProjectID, identity.OrgID, identity.ProjectID)
}

// nextRoot is step 1 for one root: size, threshold of the version before, parse, identity, its own threshold, version.
func nextRoot(text string, before *Root) (*Root, error) {
	payload, err := verified(text, rootType, before.roles[roleRoot])
	if err != nil {
		return nil, err
	}
	root, err := parseRoot(payload)
	if err != nil {
		return nil, err
	}
	if err := requireProject("root", root.OrgID, root.ProjectID, before.OrgID, before.ProjectID); err != nil {
		return nil, err
	}
	if _, err := verified(text, rootType, root.roles[roleRoot]); err != nil {
		return nil, err
	}
	if root.Version != before.Version+1 {
		return nil, refuse(RootVersion, "root %d does not follow root %d", root.Version, before.Version)
	}
	return root, nil
}

func parseRoot(payload []byte) (*Root, error) {
	o, err := payloadObject(payload, "root")
	if err != nil {
		return nil, err
	}
	if kind := o.text("type", 100); *o.err == nil && kind != "signet-root/1" {
		return nil, refuse(WrongType, "the root is not signet-root/1")
	}
	root := &Root{keys: keysOf(o), roles: rules{}, environments: map[string]rules{}, revoked: map[string]bool{}}
	roles := o.object("roles")
	for _, of := range []role{roleRoot, roleActivation, roleLease, roleRelease} {
		root.roles[of] = ruleIn(roles, of, root.keys)
	}
	environments := o.object("environments")
	if len(environments.value.Members) > maxEnvironments {
		o.fail("environments", "at most 512 objects")
	}
	for _, member := range environments.value.Members {
		if !environmentForm.MatchString(member.Key) {
			o.fail("environments", "objects by names of environments")
		}
		own, inner := rules{}, environments.object(member.Key)
		for _, of := range []role{roleActivation, roleLease, roleRelease} {
			if inner.has(string(of)) {
				own[of] = ruleIn(inner, of, root.keys)
			}
		}
		root.environments[member.Key] = own
	}
	root.OrgID, root.ProjectID = o.text("org_id", maxIDLength), o.text("project_id", maxIDLength)
	root.Version = o.integer("version", 1)
	root.ExpiresAt = o.time("expires_at")
	switch rollback := o.text("rollback", 100); rollback {
	case "server":
	case "release":
		root.byReleaseNumber = true
	default:
		o.fail("rollback", "server or release")
	}
	for _, digest := range o.digests("revoked", maxRevoked) {
		root.revoked[digest] = true
	}
	if o.has("names") {
		root.Names = o.texts("names", maxKeys, 64, 255)
	}
	return root, *o.err
}

func keysOf(o object) map[string]Key {
	keys := map[string]Key{}
	for id, text := range o.texts("keys", maxKeys, 64, 44) {
		bytes, isBase64 := decodeBase64(text)
		if !isBase64 || len(bytes) != ed25519.PublicKeySize {
			o.fail("keys", "base64 of 32 bytes each")
			continue
		}
		key := NewKey(bytes)
		if key.ID != id {
			o.refuse(refuse(BadRoot, "root.keys has a key under an id that is not its own"))
		}
		keys[id] = key
	}
	return keys
}

func ruleIn(in object, of role, keys map[string]Key) signatories {
	o := in.object(string(of))
	threshold := o.integer("threshold", 0)
	ids := o.digests("keyids", maxRoleKeys)
	if *o.err != nil {
		return signatories{}
	}
	rule, seen := signatories{threshold: int(threshold)}, map[string]bool{}
	bad := func(format string, args ...any) {
		o.refuse(refuse(BadRoot, "the rule for "+string(of)+" "+format, args...))
	}
	if threshold == 0 && of != roleRelease {
		bad("has threshold 0")
	}
	for _, id := range ids {
		key, isThere := keys[id]
		switch {
		case seen[id]:
			bad("names a key twice")
		case !isThere:
			bad("names %s, which is not in keys", id[:16])
		}
		seen[id] = true
		rule.keys = append(rule.keys, key)
	}
	if threshold > int64(len(ids)) {
		bad("asks for %d signatures and names %d keys", threshold, len(ids))
	}
	return rule
}

func requireProject(name, orgID, projectID, wantedOrgID, wantedProjectID string) error {
	if orgID == wantedOrgID && projectID == wantedProjectID {
		return nil
	}
	return refuse(WrongIdentity, "the %s is of project %s/%s, not %s/%s", name, orgID, projectID, wantedOrgID, wantedProjectID)
}

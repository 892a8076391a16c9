package trust

import (
	"encoding/json"
	"errors"
	"testing"
)

// refusedOr fails for an error that is no refusal with a code.
func refusedOr(t *testing.T, err error) bool {
	t.Helper()
	var refusal *Error
	if err != nil && (!errors.As(err, &refusal) || refusal.Code == "" || refusal.Message == "") {
		t.Fatalf("no refusal: %v", err)
	}
	return err == nil
}

const seedEnvelope = `{"payload":"e30=","payloadType":"application/vnd.signet.root+json","signatures":[{"keyid":"a","sig":"AA=="},{"sig":"_-8="}]}`

// What is accepted is an envelope for encoding/json too, and within the caps.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{seedEnvelope, `{}`, `{"payload":"e30","payloadType":"","signatures":[]}`, `{"payload":"","payload":""}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := readEnvelope(text)
		if !refusedOr(t, err) {
			return
		}
		var parsed struct {
			PayloadType string `json:"payloadType"`
			Signatures  []any  `json:"signatures"`
		}
		if json.Unmarshal([]byte(text), &parsed) != nil || len(text) > MaxEnvelopeBytes || len(read.signatures) > MaxSignatures {
			t.Fatalf("accepted: %q", text)
		}
		if len(parsed.Signatures) != len(read.signatures) {
			t.Fatalf("%d signatures of %q", len(read.signatures), text)
		}
	})
}

func FuzzAttestation(f *testing.F) {
	f.Add([]byte(`{"lease":` + seedEnvelope + `,"activation":null,"release":null,"proof":"x"}`))
	f.Add([]byte(`{"lease":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_ = LeaseRootVersion(text)
		read, err := ReadAttestation(text)
		if refusedOr(t, err) && read.Lease != "" && !json.Valid([]byte(read.Lease)) {
			t.Fatalf("a lease that is no JSON: %q", read.Lease)
		}
	})
}

// Payloads are parsed after their signatures, by keys that may have been stolen.
func FuzzPayloads(f *testing.F) {
	f.Add([]byte(`{"type":"signet-root/1","org_id":"o","project_id":"p","version":1,"expires_at":"2030-01-01T00:00:00Z","keys":{},
		"roles":{"root":{"threshold":1,"keyids":[]}},"environments":{"prod":{"release":{"threshold":0,"keyids":[]}}},"rollback":"server","revoked":[]}`))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://signet.dev/activation/v1",
		"subject":[{"name":"content","digest":{"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}}],"predicate":{}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		root, err := parseRoot(payload)
		if refusedOr(t, err) {
			for _, of := range []role{roleRoot, roleActivation, roleLease} {
				if rule := root.roles[of]; rule.threshold < 1 || rule.threshold > len(rule.keys) {
					t.Fatalf("a root with the rule %+v", rule)
				}
			}
		}
		_, _, err = parseStatement(payload, activationPredicate, "activation")
		refusedOr(t, err)
	})
}

func TestTimesThatDoNotExistAreRefused(t *testing.T) {
	for text, isGood := range map[string]bool{
		"2026-03-01T12:00:00Z": true, "2024-02-29T23:59:59Z": true, "2026-02-29T00:00:00Z": false, "2026-03-01T24:00:00Z": false,
		"2026-03-01T12:00:60Z": false, "2026-03-01T12:00:00.5Z": false, "2026-03-01T12:00:00+00:00": false, "2026-13-01T12:00:00Z": false,
		"2026-3-1T12:00:00Z": false, "": false,
	} {
		o, err := payloadObject([]byte(`{"at":"`+text+`"}`), "it")
		if err != nil {
			t.Fatal(err)
		}
		o.time("at")
		if (*o.err == nil) != isGood {
			t.Errorf("%s: %v", text, *o.err)
		}
	}
}

func TestBase64(t *testing.T) {
	for text, isGood := range map[string]bool{
		"": true, "AA==": true, "-_8=": true, "+/8=": true, "+_8=": true, "AA": false, "AB==": false, "AA==\n": false, "A A=": false, "AA=": false,
	} {
		if _, actual := decodeBase64(text); actual != isGood {
			t.Errorf("%q: %t", text, actual)
		}
	}
}

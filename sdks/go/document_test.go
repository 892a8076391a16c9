package signet

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"signet.dev/signet/internal/format1"
	"signet.dev/signet/internal/strictjson"
)

// fixtures are of the tests of the whole project, which only a checkout has.
const fixtures = "../../test/bundle/fixtures/"

func fixture(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the fixtures are in a checkout of the whole project")
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// testKey is of the seed 00 to 1f.
const testKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n"

func TestCanonicalVectors(t *testing.T) {
	var all []struct{ Text, Canonical string }
	if err := json.Unmarshal(fixture(t, fixtures+"canonical-vectors.json"), &all); err != nil || len(all) < 50 {
		t.Fatal(len(all), err)
	}
	for _, it := range all {
		value, err := strictjson.Parse([]byte(it.Text), 64)
		if err != nil {
			t.Errorf("%s: %v", it.Text, err)
			continue
		}
		if canonical := string(format1.Append(nil, &value)); canonical != it.Canonical {
			t.Errorf("%s: %s, not %s", it.Text, canonical, it.Canonical)
		}
	}
}

func TestVerifyDocument(t *testing.T) {
	text := string(fixture(t, fixtures+"bundle-v2.txt"))
	document, err := VerifyDocument([]byte(text), []string{testKey}, Identity{})
	if err != nil || !document.IdentityIsSigned || document.PolicyHash == "" || len(document.Policies) == 0 {
		t.Fatal(document, err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	changed := func(name, value string) string {
		parts := []string{}
		for key, raw := range fields {
			if key == name {
				raw = json.RawMessage(value)
			}
			if len(raw) > 0 {
				parts = append(parts, `"`+key+`":`+string(raw))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	good := func(text string, options ...DocumentOption) error {
		_, err := VerifyDocument([]byte(text), []string{testKey}, Identity{Environment: document.Environment}, options...)
		return err
	}
	if err := good(changed("policies", string(fields["policies"]))); err != nil {
		t.Fatal("another order of fields:", err)
	}
	if err := good(changed("signature_v2", ""), AcceptWithoutSignatureV2()); err != nil {
		t.Fatal(err)
	}
	zeros := `"` + strings.Repeat("A", 86) + `=="`
	for _, it := range []struct {
		what, text string
		code       Code
	}{
		{"nothing", "", ErrMalformed},
		{"an array", "[]", ErrMalformed},
		{"a field twice", strings.Replace(text, "{", `{"policies":{},`, 1), ErrMalformed},
		{"policies that are an array", changed("policies", "[]"), ErrMalformed},
		{"no policy_hash", changed("policy_hash", ""), ErrMalformed},
		{"no scope", changed("scope", ""), ErrMalformed},
		{"a null signature", changed("signature", "null"), ErrMalformed},
		{"a key_id that is a number", changed("key_id", "1"), ErrMalformed},
		{"version 2", changed("version", "2"), ErrFormat},
		{"version true", changed("version", "true"), ErrFormat},
		{"other policies", changed("policies", `{"pii":1}`), ErrHash},
		{"no signature", changed("signature", ""), ErrSignatureMissing},
		{"another signature", changed("signature", zeros), ErrSignature},
		{"a signature that is no base64", changed("signature", `"!"`), ErrSignature},
		{"no signature_v2", changed("signature_v2", ""), ErrSignatureV2Missing},
		{"another signature_v2", changed("signature_v2", zeros), ErrSignatureV2},
		{"another environment", changed("environment", `"other"`), ErrSignatureV2},
	} {
		if err := good(it.text); !errors.Is(err, it.code) {
			t.Errorf("%s: %v, not %s", it.what, err, it.code)
		}
	}
	if _, err := VerifyDocument([]byte(text), []string{testKey}, Identity{Environment: "other"}); !errors.Is(err, ErrIdentity) {
		t.Error(err)
	}
	if _, err := VerifyDocument([]byte(text), []string{newSigner(3).pem()}, Identity{}); !errors.Is(err, ErrUnknownKey) && !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	if _, err := VerifyDocument([]byte(text), nil, Identity{}); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
	var wrong *ConfigError
	if _, err := VerifyDocument([]byte(text), []string{"a key"}, Identity{}); !errors.As(err, &wrong) {
		t.Error(err)
	}
}

// The vector beside the project, which was made by another implementation.
func TestVerifyDocumentOfAnotherImplementation(t *testing.T) {
	text := fixture(t, "../../../shared/vectors/znyx-bundle-v2.json")
	document, err := VerifyDocument(text, []string{testKey}, Identity{Environment: "dev"})
	if err != nil || document.PolicyHash != "sha256:ca05f6893faf4283bd0f11e4c6eeb1fd16340ba86dd8e6e8c60ffb79032137b9" {
		t.Fatal(document, err)
	}
}

package trust

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"signet.dev/signet/internal/strictjson"
)

// The caps on what is looked at before anything of it is verified.
const (
	MaxEnvelopeBytes    = 64 << 10
	MaxSignatures       = 32
	MaxAttestationBytes = 4*MaxEnvelopeBytes + 1024
	MaxContentBytes     = 16 << 20
)

// envelope is a DSSE 1.0.2 envelope of which nothing is verified yet.
type envelope struct {
	payloadType string
	payload     []byte
	signatures  []signature
}

type signature struct {
	// keyID is a hint: it decides nothing but what is tried first.
	keyID string
	sig   []byte
}

// readEnvelope parses an envelope within the caps, and verifies nothing.
func readEnvelope(text string) (*envelope, error) {
	if len(text) > MaxEnvelopeBytes {
		return nil, refuse(TooLarge, "the envelope is longer than %d bytes", MaxEnvelopeBytes)
	}
	object, err := strictjson.Parse([]byte(text), 3)
	if err != nil {
		return nil, refuse(Malformed, "the envelope: %v", err)
	}
	payload, payloadType, signatures := object.Get("payload"), object.Get("payloadType"), object.Get("signatures")
	if !isKind(payload, strictjson.String) || !isKind(payloadType, strictjson.String) || !isKind(signatures, strictjson.Array) {
		return nil, refuse(Malformed, "an envelope has payload, payloadType and signatures")
	}
	read := &envelope{payloadType: payloadType.Text}
	isBase64 := false
	if read.payload, isBase64 = decodeBase64(payload.Text); !isBase64 {
		return nil, refuse(Malformed, "the payload is not base64")
	}
	for i := range signatures.Items {
		keyID, sig := signatures.Items[i].Get("keyid"), signatures.Items[i].Get("sig")
		if (keyID != nil && keyID.Kind != strictjson.String) || !isKind(sig, strictjson.String) {
			return nil, refuse(Malformed, "a signature has keyid and sig")
		}
		one := signature{}
		if keyID != nil {
			one.keyID = keyID.Text
		}
		if one.sig, isBase64 = decodeBase64(sig.Text); !isBase64 {
			return nil, refuse(Malformed, "a signature is not base64")
		}
		read.signatures = append(read.signatures, one)
	}
	if len(read.signatures) > MaxSignatures {
		return nil, refuse(TooLarge, "the envelope has more than %d signatures", MaxSignatures)
	}
	return read, nil
}

// message is what the signatures cover: `DSSEv1 <length of type> <type> <length of payload> <payload>`.
func (e *envelope) message() []byte {
	head := "DSSEv1 " + strconv.Itoa(len(e.payloadType)) + " " + e.payloadType + " " + strconv.Itoa(len(e.payload)) + " "
	return append([]byte(head), e.payload...)
}

// signers returns the keys that signed, at most enough of them. Signatures that do not verify are skipped.
func (e *envelope) signers(keys []Key, enough int) []Key {
	message := e.message()
	var good []Key
	for _, key := range keys {
		if len(good) >= enough {
			break
		}
		if e.hasSigned(key, message) {
			good = append(good, key)
		}
	}
	return good
}

func (e *envelope) hasSigned(key Key, message []byte) bool {
	for _, isHinted := range []bool{true, false} {
		for _, one := range e.signatures {
			if (one.keyID == key.ID) == isHinted && ed25519.Verify(key.Public, message, one.sig) {
				return true
			}
		}
	}
	return false
}

// verified returns the payload of an envelope that enough distinct keys signed. Only now may it be parsed.
func verified(text, payloadType string, rule signatories) ([]byte, error) {
	read, err := readEnvelope(text)
	if err != nil {
		return nil, err
	}
	// A role that nobody has to sign for has no threshold to meet: nothing is trusted by default.
	if rule.threshold < 1 {
		return nil, refuse(BadSignature, "no key may sign %s here", read.payloadType)
	}
	if found := len(read.signers(rule.keys, rule.threshold)); found < rule.threshold {
		return nil, refuse(BadSignature, "%s has %d of the %d signatures that it needs", read.payloadType, found, rule.threshold)
	}
	if read.payloadType != payloadType {
		return nil, refuse(WrongType, "the payload is %s, not %s", read.payloadType, payloadType)
	}
	return read.payload, nil
}

// Digest is the SHA-256 of bytes, 64 lower-case hex digits.
func Digest(bytes []byte) string {
	sum := sha256.Sum256(bytes)
	return hex.EncodeToString(sum[:])
}

// decodeBase64 reads standard and URL-safe base64 with padding; nothing else, not even line breaks and unused bits.
func decodeBase64(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(text)
	bytes, err := base64.StdEncoding.Strict().DecodeString(standard)
	return bytes, err == nil
}

func isKind(value *strictjson.Value, kind strictjson.Kind) bool {
	return value != nil && value.Kind == kind
}

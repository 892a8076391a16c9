// Package trust verifies Signet's trust format (docs/trust.md): who signed a bundle, that it is the newest one, and that it is still in
// force. It reads no file, asks no server and has no clock.
package trust

import "fmt"

// The codes of refusals. The list is closed: they are part of the format.
const (
	Malformed      = "malformed"
	TooLarge       = "too_large"
	Truncated      = "truncated"
	WrongType      = "wrong_type"
	WrongIdentity  = "wrong_identity"
	BadSignature   = "bad_signature"
	BadRoot        = "bad_root"
	RootVersion    = "root_version"
	RootExpired    = "root_expired"
	RootWithheld   = "root_withheld"
	LeaseExpired   = "lease_expired"
	LeaseOlder     = "lease_older"
	Clock          = "clock"
	RolledBack     = "rolled_back"
	Equivocation   = "equivocation"
	MixAndMatch    = "mix_and_match"
	DigestMismatch = "digest_mismatch"
	ReleaseMissing = "release_missing"
	ReleaseExpired = "release_expired"
	Revoked        = "revoked"
)

// Error is an object that must not be trusted. Its message may hold texts that others wrote.
type Error struct {
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

package signet

import (
	"errors"
	"fmt"
	"time"

	"signet.dev/signet/internal/trust"
)

// Code says why something was refused, by a runtime or by a server. Each is an error of its own, for errors.Is:
//
//	if errors.Is(err, signet.ErrRolledBack) { … }
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Why a runtime refuses an update: the codes of docs/trust.md. The list is closed.
const (
	// ErrMalformed: not strict JSON, a field is missing or has the wrong type; of a server, a request that is not JSON.
	ErrMalformed Code = "malformed"
	// ErrTooLarge: an envelope above 64 KiB or 32 signatures, a content above the cap or longer than declared; of a server, a request over
	// its limit.
	ErrTooLarge Code = "too_large"
	// ErrTruncated: a content shorter than declared.
	ErrTruncated Code = "truncated"
	// ErrWrongType: signed, but another kind of object.
	ErrWrongType Code = "wrong_type"
	// ErrWrongIdentity: of another organization, project or environment.
	ErrWrongIdentity Code = "wrong_identity"
	// ErrBadSignature: fewer distinct keys of the role signed than its threshold.
	ErrBadSignature Code = "bad_signature"
	// ErrBadRoot: a root that cannot be used.
	ErrBadRoot Code = "bad_root"
	// ErrRootVersion: not the root after the last.
	ErrRootVersion Code = "root_version"
	// ErrRootExpired: the newest root has expired.
	ErrRootExpired Code = "root_expired"
	// ErrRootWithheld: the lease names a root that the server does not serve.
	ErrRootWithheld Code = "root_withheld"
	// ErrLeaseExpired: the lease has expired; often a wrong clock.
	ErrLeaseExpired Code = "lease_expired"
	// ErrLeaseOlder: issued before the last lease.
	ErrLeaseOlder Code = "lease_older"
	// ErrClock: the lease is from the future; often a wrong clock.
	ErrClock Code = "clock"
	// ErrRolledBack: an older activation than the last, or an older release where the root forbids it.
	ErrRolledBack Code = "rolled_back"
	// ErrEquivocation: another activation under the sequence of the last.
	ErrEquivocation Code = "equivocation"
	// ErrMixAndMatch: the parts of an update do not belong together.
	ErrMixAndMatch Code = "mix_and_match"
	// ErrDigestMismatch: the content is not the one that was signed.
	ErrDigestMismatch Code = "digest_mismatch"
	// ErrReleaseMissing: the root asks for a release by the authors, and there is none; of a server too.
	ErrReleaseMissing Code = "release_missing"
	// ErrReleaseExpired: the release has expired; of a server too.
	ErrReleaseExpired Code = "release_expired"
	// ErrRevoked: the root revokes the content or the release; of a server too.
	ErrRevoked Code = "revoked"
)

// Why a server refuses a call: the codes of docs/api.md, and the finer ones that programs act on. Any other finer code is compared in the
// same way: errors.Is(err, signet.Code("version_quota_exceeded")).
const (
	ErrUnauthenticated      Code = "unauthenticated"
	ErrForbidden            Code = "forbidden"
	ErrNotFound             Code = "not_found"
	ErrConflict             Code = "conflict"
	ErrPreconditionFailed   Code = "precondition_failed"
	ErrUnsupportedMediaType Code = "unsupported_media_type"
	ErrInvalid              Code = "invalid"
	ErrQuotaExceeded        Code = "quota_exceeded"
	ErrRateLimited          Code = "rate_limited"
	ErrSigningFailed        Code = "signing_failed"
	ErrDataLoss             Code = "data_loss"
	ErrInternal             Code = "internal"
	// ErrNoTarget: nothing to promote to.
	ErrNoTarget Code = "no_target"
	// ErrHeld: the environment is held at what is active.
	ErrHeld Code = "held"
	// ErrNoEarlierVersion: nothing to roll back to.
	ErrNoEarlierVersion Code = "no_earlier_version"
	// ErrIdempotencyKeyReused: another request had the same Idempotency-Key.
	ErrIdempotencyKeyReused Code = "idempotency_key_reused"
	// ErrUnavailable: the server is busy or shuts down, or there was no answer.
	ErrUnavailable Code = "unavailable"
	// ErrTimeout: no answer in time, or a stream that fell silent.
	ErrTimeout Code = "timeout"
	// ErrUnimplemented: the answer is not that of a Signet server, or of an older one.
	ErrUnimplemented Code = "unimplemented"
)

// ErrClosed is what a runtime returns after it was closed.
var ErrClosed = errors.New("signet: the runtime is closed")

// ErrNotReady is what WaitReady returns when its context ends before there is anything to enforce. The error wraps the context's own too,
// and what keeps the runtime from being ready.
var ErrNotReady = errors.New("signet: nothing to enforce yet")

// Refusal is an update that a runtime refused: what it had before is kept.
type Refusal struct {
	Code Code
	// Message may hold texts that others wrote: escape it where a person reads it.
	Message string
	// At is when, and Sequence what the server called it: that is not verified. Both are zero for a root that a Config names.
	At       time.Time
	Sequence int64
}

func (r *Refusal) Error() string { return fmt.Sprintf("signet: refused, %s: %s", r.Code, r.Message) }

// Is tells whether target is the code. A nil refusal is none.
func (r *Refusal) Is(target error) bool { return r != nil && target == error(r.Code) }

// refusalOf makes a Refusal of a refusal by the verifier; nil for anything else.
func refusalOf(err error) *Refusal {
	var refused *trust.Error
	if !errors.As(err, &refused) {
		return nil
	}
	return &Refusal{Code: Code(refused.Code), Message: refused.Message}
}

// ConfigError is a Config, or an argument, that cannot be right.
type ConfigError struct {
	// Field is the name of the field.
	Field string
	// Wanted is what it must be.
	Wanted string
}

func (e *ConfigError) Error() string { return "signet: " + e.Field + " must be " + e.Wanted }

// APIError is what a call to a server failed with.
type APIError struct {
	// Code is one of the API's, and Reason the same or a finer one. Both are errors for errors.Is.
	Code, Reason Code
	// Status is that of HTTP; 0 when there was no answer.
	Status  int
	Message string
	// RequestID is as in the server's log; empty when no Signet server answered.
	RequestID string
	// Fields are the values of the request that were refused.
	Fields []FieldError
	// RetryAfter is when the server asks to come back; 0 when it does not say.
	RetryAfter time.Duration
	// FromServer tells whether a Signet server said so. False for a proxy's answer, and for a connection that failed.
	FromServer bool

	cause error
}

// FieldError is a value of a request that was refused.
type FieldError struct {
	// Loc begins with body, path, query or header.
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
	Type string   `json:"type"`
}

func (e *APIError) Error() string {
	text := fmt.Sprintf("signet: %s: %s", e.Reason, e.Message)
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Is tells whether target is the code or the reason.
func (e *APIError) Is(target error) bool {
	return target == error(e.Code) || target == error(e.Reason)
}

// Unwrap returns why there was no answer.
func (e *APIError) Unwrap() error { return e.cause }

// isFinal tells whether trying again does not help: the token, its rights, its environment or the request must change first.
func (e *APIError) isFinal() bool {
	switch e.Code {
	case ErrUnauthenticated, ErrForbidden, ErrNotFound, ErrInvalid, ErrMalformed, ErrTooLarge:
		return true
	}
	return false
}

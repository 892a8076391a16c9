package signet

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"signet.dev/signet/internal/trust"
)

// position is what a runtime has, from where a watch or a poll goes on.
type position struct {
	// sequence is 0 and deploymentID empty for nothing.
	sequence     int64
	deploymentID string
	// rootVersion is of the newest root; 0 for pinned keys.
	rootVersion int64
}

// about is what the server says to be active; it is not verified.
type about struct {
	sequence     int64
	deploymentID string
}

// news is what a connection brings: something to verify, or no more than a sign of life.
type news struct {
	about about
	// roots is the newest root that the connection brought; 0 for none. It is not verified.
	roots int64
	// server is nil for a sign of life.
	server trust.Server
	// whole asks for all that is active, where server is a lease alone, which is not enough for who has lost its activation. It is nil
	// where server has all.
	whole func(context.Context) (trust.Server, error)
}

// poll asks once for what proves the active bundle. What is needed on top, roots and content, is fetched when it is verified. The server
// holds the request for up to wait while there is nothing new.
func (r *rest) poll(ctx context.Context, from position, instanceID string, wait time.Duration) (news, error) {
	query := url.Values{
		"after_sequence":      {strconv.FormatInt(from.sequence, 10)},
		"after_deployment_id": {from.deploymentID},
		"instance_id":         {instanceID},
	}
	header := http.Header{}
	if wait > 0 {
		header.Set("Prefer", "wait="+strconv.Itoa(int(wait/time.Second)))
	}
	response, err := r.do(ctx, http.MethodGet, "/v1/bundles/latest/attestation?"+query.Encode(), header, nil)
	if err != nil {
		return news{}, err
	}
	said := aboutIn(response)
	// Also of an answer without one: the connection is used again only when it is read.
	body, err := read(response, trust.MaxAttestationBytes)
	if err != nil {
		return news{}, err
	}
	if response.StatusCode == http.StatusOK {
		return news{about: said, roots: trust.LeaseRootVersion(body), server: &latest{r, said, body}}, nil
	}
	renewal, err := leaseIn(response)
	if err != nil || renewal == nil {
		return news{about: said}, err
	}
	return news{said, trust.LeaseRootVersion(renewal), &latest{r, said, renewal}, r.whole}, nil
}

// whole asks for what proves the active bundle, whatever the caller has.
func (r *rest) whole(ctx context.Context) (trust.Server, error) {
	response, err := r.do(ctx, http.MethodGet, "/v1/bundles/latest/attestation", nil, nil)
	if err != nil {
		return nil, err
	}
	said := aboutIn(response)
	body, err := read(response, trust.MaxAttestationBytes)
	return &latest{r, said, body}, err
}

// latest is an update by polls.
type latest struct {
	rest        *rest
	about       about
	attestation []byte
}

func (l *latest) Root(ctx context.Context, version int64) (string, error) {
	// Asked for only when the lease says that there is one: otherwise each poll would be two requests.
	if version > trust.LeaseRootVersion(l.attestation) {
		return "", nil
	}
	response, err := l.rest.do(ctx, http.MethodGet, "/v1/trust/roots/"+strconv.FormatInt(version, 10), nil, nil)
	var failed *APIError
	if errors.As(err, &failed) && failed.Code == ErrNotFound && failed.FromServer {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := read(response, trust.MaxEnvelopeBytes)
	if err == nil && len(text) == 0 {
		err = &trust.Error{Code: trust.Malformed, Message: "the root is empty"}
	}
	return string(text), err
}

func (l *latest) Attestation(context.Context) ([]byte, error) { return l.attestation, nil }

func (l *latest) Content(ctx context.Context, size int64) ([]byte, error) {
	response, err := l.rest.do(ctx, http.MethodGet, "/v1/bundles/latest/content", nil, nil)
	if err != nil {
		return nil, err
	}
	if aboutIn(response).deploymentID != l.about.deploymentID {
		response.Body.Close()
		return nil, &APIError{Code: ErrConflict, Reason: ErrConflict, Message: "another bundle became active while this one was read"}
	}
	return read(response, size)
}

func aboutIn(response *http.Response) about {
	sequence, err := strconv.ParseInt(response.Header.Get("Signet-Sequence"), 10, 64)
	if err != nil || sequence < 0 {
		sequence = 0
	}
	return about{sequence, response.Header.Get("Signet-Deployment-Id")}
}

// leaseIn makes an attestation of the header Signet-Lease, which is base64url with or without padding; nil where there is none.
func leaseIn(response *http.Response) ([]byte, error) {
	header := strings.TrimRight(response.Header.Get("Signet-Lease"), "=")
	if header == "" {
		return nil, nil
	}
	if len(header) > 2*trust.MaxEnvelopeBytes {
		return nil, &trust.Error{Code: trust.TooLarge, Message: "the lease is too long"}
	}
	envelope, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(header))
	if err != nil {
		return nil, &trust.Error{Code: trust.Malformed, Message: "Signet-Lease is not base64url"}
	}
	return []byte(`{"lease":` + string(envelope) + "}"), nil
}

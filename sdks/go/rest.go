package signet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxErrorBytes = 64 << 10
	// maxRetryAfter bounds what a proxy may ask for.
	maxRetryAfter = 10 * time.Minute
)

// rest calls a server over HTTP, with a token. It follows no redirect.
type rest struct {
	client *http.Client
	// base is the URL without a slash at its end.
	base  string
	token func(context.Context) (string, error)
	agent string
}

// do returns an answer with 2xx or 304, whose body the caller closes. Anything else is an *APIError.
func (r *rest) do(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, noAnswer(err)
	}
	token, err := r.token(ctx)
	if err == nil && !isHeaderText(token) {
		err = errors.New("the token is not printable ASCII")
	}
	if err != nil {
		return nil, noAnswer(fmt.Errorf("the token: %w", err))
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("User-Agent", r.agent)
	response, err := r.client.Do(request)
	if err != nil {
		return nil, noAnswer(err)
	}
	if (response.StatusCode >= 200 && response.StatusCode < 300) || response.StatusCode == http.StatusNotModified {
		return response, nil
	}
	defer response.Body.Close()
	return nil, errorIn(response)
}

// read returns the body of an answer, at most max bytes and one more, so that the caller sees that there were more.
func read(response *http.Response, max int64) ([]byte, error) {
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, max+1))
	if err != nil {
		return nil, noAnswer(err)
	}
	return text, nil
}

// noAnswer is a connection that failed.
func noAnswer(cause error) *APIError {
	failed := &APIError{Code: ErrUnavailable, Reason: ErrUnavailable, Message: cause.Error(), cause: cause}
	if errors.Is(cause, context.DeadlineExceeded) {
		failed.Code, failed.Reason = ErrTimeout, ErrTimeout
	}
	return failed
}

func errorIn(response *http.Response) *APIError {
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes))
	failed := saidError(text)
	if failed == nil {
		code := codeOf(response.StatusCode)
		failed = &APIError{Code: code, Reason: code, Message: "HTTP " + strconv.Itoa(response.StatusCode)}
		if response.StatusCode >= 300 && response.StatusCode < 400 {
			failed.Message += ", a redirect, which is not followed"
		}
	}
	failed.Status = response.StatusCode
	failed.RetryAfter = retryAfter(response.Header.Get("Retry-After"))
	return failed
}

// saidError is the error of a Signet server (docs/api.md, "Errors"); nil for the page of anything else.
func saidError(text []byte) *APIError {
	var body struct {
		Status    int             `json:"status"`
		RequestID string          `json:"requestId"`
		Message   *string         `json:"message"`
		Detail    json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(text, &body) != nil || body.Status == 0 || body.RequestID == "" || body.Message == nil {
		return nil
	}
	code := codeOf(body.Status)
	said := &APIError{Code: code, Reason: code, Status: body.Status, Message: *body.Message, RequestID: body.RequestID, FromServer: true}
	var named struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body.Detail, &named) == nil && named.Error != "" {
		said.Reason = Code(named.Error)
		if statuses[said.Reason] == body.Status {
			said.Code = said.Reason
		}
	} else if json.Unmarshal(body.Detail, &said.Fields) != nil {
		said.Fields = nil
	}
	return said
}

// statuses are the API's codes; the first one of a status is that of an answer without details.
var statuses = map[Code]int{
	ErrMalformed: 400, ErrNoTarget: 400, ErrUnauthenticated: 401, ErrForbidden: 403, ErrNotFound: 404, ErrConflict: 409,
	ErrPreconditionFailed: 412, ErrTooLarge: 413, ErrUnsupportedMediaType: 415, ErrInvalid: 422, ErrQuotaExceeded: 422,
	ErrRateLimited: 429, ErrInternal: 500, ErrSigningFailed: 500, ErrDataLoss: 500, ErrUnavailable: 503, ErrTimeout: 504,
}

func codeOf(status int) Code {
	switch status {
	case 400:
		return ErrMalformed
	case 401:
		return ErrUnauthenticated
	case 403:
		return ErrForbidden
	case 404:
		return ErrNotFound
	case 409:
		return ErrConflict
	case 412:
		return ErrPreconditionFailed
	case 413:
		return ErrTooLarge
	case 415:
		return ErrUnsupportedMediaType
	case 422:
		return ErrInvalid
	case 429:
		return ErrRateLimited
	case 500:
		return ErrInternal
	case 504:
		return ErrTimeout
	}
	if status > 500 {
		return ErrUnavailable
	}
	return ErrUnimplemented
}

// retryAfter reads seconds; what is not a number of them counts as nothing.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.ParseUint(strings.TrimSpace(header), 10, 32)
	if err != nil {
		return 0
	}
	if wait := time.Duration(seconds) * time.Second; wait < maxRetryAfter {
		return wait
	}
	return maxRetryAfter
}

// isHeaderText tells whether a header can carry a text: printable ASCII.
func isHeaderText(text string) bool {
	for _, c := range []byte(text) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return text != ""
}

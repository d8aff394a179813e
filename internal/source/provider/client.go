package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// session is one credential at one host.
type session struct {
	api        *API
	provider   string
	credential Credential
	root       string // of the API
}

// Revoked is a host that refuses the credential itself.
type Revoked struct{ Reason string }

func (e *Revoked) Error() string { return e.Reason }

// Away is a host that did not answer, and may the next time.
type Away struct{ Reason string }

func (e *Away) Error() string { return e.Reason }

// missing is what the host does not have, or does not show with this credential.
type missing struct{ reason *apprunner.Error }

func (e *missing) Error() string { return e.reason.Message }
func (e *missing) Unwrap() error { return e.reason }

// maxAnswer is the size of the largest answer of a host, in bytes.
const maxAnswer = 16 << 20

// pageSize is how many entries are asked for at once.
const pageSize = 100

// do sends a request with the credential. Path is below the API's root, or a whole URL of the same host.
func (s *session) do(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	target := path
	if !strings.Contains(path, "://") {
		target = s.root + path
	}
	if !strings.HasPrefix(target, s.root+"/") {
		return nil, apprunner.Errorf(apprunner.InvalidRequest, "%s answers with an address of another host.", s.provider)
	}
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	s.sign(r)
	return s.api.send(r, s.provider, out)
}

// sign adds the credential.
func (s *session) sign(r *http.Request) {
	switch c := s.credential; {
	case c.Token == "":
	case s.provider == Bitbucket && c.Kind == ByToken && c.Username != "":
		r.SetBasicAuth(c.Username, c.Token)
	case s.provider == Gitea && c.Kind == ByToken:
		r.Header.Set("Authorization", "token "+c.Token)
	default:
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
}

// timeLimit is how long a host may take to answer.
const timeLimit = 30 * time.Second

// send sends a request and reads its answer. No redirect takes a credential elsewhere.
func (a *API) send(r *http.Request, provider string, out any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(r.Context(), timeLimit)
	defer cancel()
	r.Header.Set("User-Agent", "slipway")
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	client := &http.Client{Transport: a.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r.WithContext(ctx))
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return nil, &Away{fmt.Sprintf("%s at %s cannot be reached: %s. Check the connection's base URL, and that this machine reaches it.", provider, r.URL.Host, err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, &Away{fmt.Sprintf("%s at %s did not answer to the end: %s.", provider, r.URL.Host, err)}
	}
	if response.StatusCode >= 300 {
		return nil, refuse(r, response, provider, message(body))
	}
	if out == nil {
		return response.Header, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return nil, apprunner.Errorf(apprunner.InvalidRequest, "What is at %s does not answer as %s does. Check the connection's provider and base URL.", r.URL.Host, provider)
	}
	return response.Header, nil
}

// refuse turns an answer into a reason.
func refuse(r *http.Request, response *http.Response, provider, said string) error {
	where := fmt.Sprintf("%s at %s", provider, r.URL.Host)
	if said != "" {
		said = " (" + said + ")"
	}
	switch code := response.StatusCode; {
	case code == http.StatusTooManyRequests || code >= 500 || (code == http.StatusForbidden && (response.Header.Get("X-Ratelimit-Remaining") == "0" || response.Header.Get("Retry-After") != "")):
		return &Away{fmt.Sprintf("%s answers %s%s. Try again later.", where, response.Status, said)}
	case code == http.StatusUnauthorized:
		return &Revoked{fmt.Sprintf("%s refuses the credential%s: it was revoked, or has expired. Authorize the connection again.", where, said)}
	case code == http.StatusForbidden:
		return apprunner.Errorf(apprunner.InvalidRequest, "%s does not allow this with the connection's credential%s. Give it the rights that docs/connections.md lists, and authorize the connection again.", where, said)
	case code == http.StatusNotFound:
		return &missing{apprunner.Errorf(apprunner.InvalidRequest, "%s has no such thing, or the connection's credential does not include it%s: %s.", where, said, r.URL.Path)}
	case code < 400:
		return apprunner.Errorf(apprunner.InvalidRequest, "%s leads elsewhere: %s. Give the connection the base URL where it is now.", where, response.Header.Get("Location"))
	default:
		return apprunner.Errorf(apprunner.InvalidRequest, "%s answers %s%s.", where, response.Status, said)
	}
}

// message is what an answer says is wrong, in any of the hosts' ways.
func message(body []byte) string {
	var said struct {
		Message     any    `json:"message"`
		Error       any    `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	for _, v := range []any{said.Description, said.Message, said.Error} {
		if inner, ok := v.(map[string]any); ok {
			v = inner["message"]
		}
		if text, ok := v.(string); ok && text != "" {
			return clean(text)
		}
	}
	return ""
}

// clean makes one short line of a text.
func clean(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))), " ")
	return string([]rune(text)[:min(len([]rune(text)), 200)])
}

// number reads a page, the first by default.
func number(page string) int {
	n, err := strconv.Atoi(page)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// follows is the page after one with so many entries, for hosts that do not say.
func follows(page string, entries int) string {
	if entries < pageSize {
		return ""
	}
	return strconv.Itoa(number(page) + 1)
}

// matches reports whether a name has words in it.
func matches(name, words string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(words))
}

// escape makes owner/name part of a path; each part is one.
func escape(repository string) string {
	parts := strings.Split(repository, "/")
	for n, part := range parts {
		parts[n] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

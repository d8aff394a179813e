package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// failf is a failure that the owner of a repository can mend.
func failf(format string, args ...any) error {
	return apprunner.Errorf(apprunner.InvalidRequest, format, args...)
}

// away is a server that did not answer. It may at the next try.
type away struct{ reason error }

func (e *away) Error() string { return e.reason.Error() }

func passing(err error) bool {
	_, ok := errors.AsType[*away](err)
	return ok
}

// final is what is said of a server that does not answer after all tries.
func final(err error) error {
	if e, ok := errors.AsType[*away](err); ok {
		return e.reason
	}
	return err
}

// Denied reports whether a credential was refused, or a wanted one was missing.
func Denied(err error) bool {
	_, ok := errors.AsType[*denied](err)
	return ok
}

// denied is a failure for want of a right.
type denied struct{ reason error }

func (e *denied) Error() string { return e.reason.Error() }
func (e *denied) Unwrap() error { return e.reason }

// sign is what git, curl or ssh writes when something is wrong.
type sign struct {
	pattern *regexp.Regexp
	explain func(p place, said string) error
}

func hostile(p place, said string) error {
	return failf("Repository %s has something that Git takes for an attack or for damage: %s. Remove it from the commit.", p, said)
}

func says(pattern string) *regexp.Regexp { return regexp.MustCompile("(?i)" + pattern) }

// signs are in the order in which they are looked for: what is surer comes first.
var signs = []sign{
	{says(`no space left on device`), func(p place, _ string) error {
		return fmt.Errorf("read repository %s: no space left on this machine's disk", p)
	}},
	{says(`host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED`), func(p place, said string) error {
		return &denied{failf("The server of repository %s does not have the ssh key that it had when the connection was authorized, or none was recorded. If that is intended, authorize the connection again: slipway connections authorize.", p)}
	}},
	{says(`permission denied \(|too many authentication failures`), func(p place, said string) error {
		return &denied{failf("The server of repository %s refuses the ssh key. Add the connection's deploy key to the repository: slipway connections authorize NAME --deploy-key shows it.", p)}
	}},
	{says(`could not read (username|password)|authentication failed|http basic: access denied|returned error: 40[13]`), func(p place, said string) error {
		return &denied{failf("Access to repository %s is denied. Check its URL, and that the connection's credential may read it; authorize the connection again when the credential has expired.", p)}
	}},
	{says(`not our ref|unadvertised object|no such remote ref [0-9a-f]{40}|couldn't find remote ref [0-9a-f]{40}`), func(p place, said string) error {
		return failf("Repository %s does not have the commit, or its server does not hand out single commits. Push the commit, and check its id.", p)
	}},
	{says(`repository not found|returned error: 404|repository '.*' not found|does not appear to be a git repository|project you were looking for could not be found|no such file or directory.*\n?.*could not read from remote|error: 410`), func(p place, said string) error {
		return failf("Repository %s was not found. Check its URL; a private repository also looks like this when the connection's credential does not include it.", p)
	}},
	{says(`certificate (verification|problem|subject|has expired)|ssl certificate|unable to get local issuer|server certificate`), func(p place, said string) error {
		return failf("The certificate of the server of repository %s is not trusted by this machine: %s. Add its authority to the machine's CA certificates (update-ca-certificates).", p, said)
	}},
	{says(`unable to update url base from redirection|redirect|protocol "?[a-z]+"? (is )?(not supported|disabled)|transport '.*' not allowed`), func(p place, said string) error {
		return failf("Repository %s leads elsewhere, by a way that is not allowed: %s. Give the URL where it is now.", p, said)
	}},
	{says(`(error in (blob|tree|commit|tag)|object [0-9a-f]{40,64}:) `), hostile},
	{says(`fsck error|invalid path|refusing to (fetch|work)|dangerous`), hostile},
	{says(`file too large|file size limit|died of signal 25`), func(p place, said string) error {
		return failf("Repository %s is too large for a source: %s. Remove what the build does not need, or have the operator raise source.max-size.", p, said)
	}},
	{says(`invalid index-pack output`), func(p place, said string) error {
		return failf("Repository %s is damaged, or too large for a source. Check it with git fsck, and remove what the build does not need.", p)
	}},
	{says(`dumb http|not valid: is this a git repository`), func(p place, said string) error {
		return failf("What is at %s is not a Git server. Check the URL: it is the one that \"git clone\" takes, not that of a page.", p)
	}},
	{says(`could not resolve|connection refused|connection timed out|timed out|no route to host|network is unreachable|connection reset|connection closed|early eof|hung up|rpc failed|disconnect|returned error: (429|5\d\d)|operation too slow|recv failure|gnutls|tls connect`), func(p place, said string) error {
		host, _ := p.address()
		return &away{failf("The server %s of repository %s does not answer properly: %s. Slipway tried %d times. Check that this machine reaches it, then deploy again.", host, p, said, tries)}
	}},
}

// explain turns what git wrote into a reason.
func explain(ctx context.Context, s *session, wrote string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if s.tunnel != nil {
		if fault := s.tunnel.reason(); fault != nil {
			return fault
		}
	}
	wrote = s.hide(wrote)
	said := lastLine(wrote)
	for _, sign := range signs {
		at := sign.pattern.FindStringIndex(wrote)
		if at != nil {
			line := wrote[strings.LastIndexByte(wrote[:at[0]], '\n')+1:]
			said = cmp.Or(lastLine(strings.SplitN(line, "\n", 2)[0]), said)
		}
		if at != nil || sign.pattern.MatchString(err.Error()) {
			return sign.explain(s.place, said)
		}
	}
	return failf("Repository %s could not be read. Git says: %s", s.place, cmp.Or(said, err.Error()))
}

// hide takes secrets out of a text.
func (s *session) hide(text string) string {
	for _, secret := range []string{s.credential.Token, s.tunnelToken()} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// lastLine is what git says at last and is not a remark, without what a server may have put in to
// spoil a log.
func lastLine(text string) string {
	var last string
	for line := range strings.Lines(text) {
		line = clean(line, 300)
		if line != "" && !strings.HasPrefix(line, "hint:") && !strings.Contains(line, "make sure you have the correct access rights") &&
			!strings.HasPrefix(line, "and the repository exists") && !strings.HasPrefix(line, "Could not read from remote") {
			last = strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: ")
		}
	}
	return strings.TrimSuffix(last, ".")
}

// clean takes control characters out of one line, and what is too long.
func clean(line string, most int) string {
	line = strings.ToValidUTF8(line, "?")
	line = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return ' '
		}
		return r
	}, line))
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most]) + "…"
	}
	return line
}

// noBranch says which branches there are instead.
func (s *session) noBranch(ctx context.Context, name string) error {
	all, err := s.branches(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return failf("Repository %s has no branches yet. Push one first.", s.place)
	}
	names := make([]string, 0, len(all))
	for _, b := range all {
		names = append(names, b.Name)
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(distance(a, name), distance(b, name)) })
	return failf("Repository %s has no branch %q. The nearest of its %d are: %s.", s.place, name, len(names), strings.Join(names[:min(len(names), 5)], ", "))
}

// distance is how many letters differ between two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

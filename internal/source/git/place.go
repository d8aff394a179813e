package git

import (
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// place is where a repository is, checked.
type place struct {
	url  *url.URL // https, http, ssh or file
	text string   // what git is given
}

func (p place) String() string { return p.text }

// origin tells hosts apart: a credential of one is of no use to another.
func (p place) origin() string { return p.url.Scheme + "://" + p.url.Host }

// address is host:port.
func (p place) address() (host, port string) {
	host, port = p.url.Hostname(), p.url.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80", "ssh": "22"}[p.url.Scheme]
	}
	return host, port
}

var (
	// scpForm is user@host:path, which git takes for ssh.
	scpForm = regexp.MustCompile(`^(?:([A-Za-z0-9][A-Za-z0-9._-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*):([^/:-].*|/[^/].*)$`)
	// helperForm is helper::address, which makes git run a program.
	helperForm = regexp.MustCompile(`^[A-Za-z0-9+.-]*::`)
	hostForm   = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?|[0-9a-fA-F:.]+)$`)
	userForm   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
)

// place reads the URL of a repository, and refuses what git must not be given.
func (g *Git) place(raw string) (place, error) {
	switch {
	case raw == "":
		return place{}, failf("The URL of the repository is empty. Give one such as https://github.com/owner/name.")
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return place{}, failf("The URL %q of a repository has a space, a control character or a backslash. Give it as the host shows it.", raw)
	case strings.HasPrefix(raw, "-"):
		return place{}, failf("The URL %q of a repository begins with a dash. Give one such as https://github.com/owner/name.", raw)
	case helperForm.MatchString(raw):
		return place{}, failf("The URL %q of a repository names a helper program, which is not allowed. Use https or ssh.", raw)
	case strings.HasPrefix(raw, "/"):
		return g.local(raw)
	}
	if m := scpForm.FindStringSubmatch(raw); m != nil && !strings.Contains(raw, "://") {
		u := &url.URL{Scheme: "ssh", Host: strings.ToLower(m[2]), Path: m[3]}
		if m[1] != "" {
			u.User = url.User(m[1])
		}
		return place{url: u, text: raw}, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return place{}, failf("%q is not the URL of a repository. Give one such as https://github.com/owner/name.", redact(raw))
	}
	return g.placeOf(u)
}

func (g *Git) placeOf(u *url.URL) (place, error) {
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	shown := redact(u.String())
	switch {
	case u.Scheme == "file" && u.Host == "":
		return g.local(u.Path)
	case u.Scheme != "https" && u.Scheme != "ssh" && u.Scheme != "http":
		return place{}, failf("Repository %s has a URL of scheme %q. Use https or ssh.", shown, u.Scheme)
	case !hostForm.MatchString(u.Hostname()):
		return place{}, failf("Repository %s has no valid host name. Give a URL such as https://github.com/owner/name.", shown)
	case u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return place{}, failf("Repository %s has more than a path in its URL. Leave out what follows '?' or '#'; the branch has a setting of its own.", shown)
	case strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return place{}, failf("Repository %s has a control character in its path. Give the URL as the host shows it.", shown)
	case strings.Trim(u.Path, "/") == "":
		return place{}, failf("Repository %s has no path: which repository of the host is it?", shown)
	}
	if u.Scheme == "ssh" {
		if u.User != nil {
			if _, secret := u.User.Password(); secret || !userForm.MatchString(u.User.Username()) {
				return place{}, failf("Repository %s has a password or a strange user name in its URL. Give ssh://git@host/path; the key belongs to the connection.", shown)
			}
		}
		return place{url: u, text: u.String()}, nil
	}
	if u.User != nil {
		return place{}, failf("Repository %s has a user name or a token in its URL, where it would be stored and shown. Make a connection with it instead: slipway connections create.", shown)
	}
	if u.Scheme == "http" && !g.allowsHTTP(u.Host) {
		return place{}, failf("Repository %s would be read without TLS. Use https, or have the operator add %q to source.allow-http.", shown, u.Host)
	}
	return place{url: u, text: u.String()}, nil
}

// allowsHTTP reports whether a host, with its port, may be reached without TLS.
func (g *Git) allowsHTTP(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return slices.Contains(g.config.AllowHTTP, hostport) || slices.Contains(g.config.AllowHTTP, host)
}

// local is a repository on this machine.
func (g *Git) local(path string) (place, error) {
	real, err := filepath.EvalSymlinks(filepath.Clean(path))
	for _, dir := range g.config.AllowPaths {
		allowed, evalErr := filepath.EvalSymlinks(dir)
		if err != nil || evalErr != nil {
			continue
		}
		if in, err := filepath.Rel(allowed, real); err == nil && filepath.IsLocal(in) {
			u := &url.URL{Scheme: "file", Path: real}
			return place{url: u, text: u.String()}, nil
		}
	}
	// Whether the path exists is nothing that a caller may find out.
	return place{}, failf("Repository %q is on this machine and not in a directory that the operator allows. Use https or ssh, or have it added to source.allow-paths.", path)
}

// redact takes user and password out of a URL that is shown.
func redact(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 && scheme != "ssh" {
		authority = "***" + authority[i:]
	}
	return scheme + "://" + authority + "/" + path
}

func checkRevision(revision string) error {
	if apprunner.CommitID(revision) {
		return nil
	}
	return checkBranch(revision)
}

// checkBranch refuses what Git does not take for the name of a branch.
func checkBranch(name string) error {
	if !apprunner.BranchName(name) {
		return failf("%q cannot be the name of a branch. Give the name as Git shows it, such as main, without refs/heads/.", name)
	}
	return nil
}

// Server is the scheme, host and port of an ssh URL, also of one that is user@host:path.
func Server(raw string) string {
	if m := scpForm.FindStringSubmatch(raw); m != nil && !strings.Contains(raw, "://") {
		return "ssh://" + strings.ToLower(m[2])
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host)
}

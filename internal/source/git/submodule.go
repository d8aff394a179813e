package git

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

const (
	// deepest is how many submodules may be in one another.
	deepest = 5
	// maxModules is how many submodules a repository may have, all together.
	maxModules = 100
)

// module is a submodule as .gitmodules describes it.
type module struct{ path, url, update string }

// submodules writes the files of submodules. Each is read as if it were given itself: its URL must be
// one that is allowed, and only the host of the repository gets the credential.
func (s *session) submodules(ctx context.Context, root *os.Root, links map[string]string, depth int) error {
	if len(links) == 0 {
		return nil
	}
	modules, err := s.modules(ctx)
	if err != nil {
		return err
	}
	for _, m := range modules {
		commit, linked := links[m.path]
		if !linked || m.update == "none" {
			continue
		}
		if depth >= deepest {
			return failf("The submodules of repository %s are more than %d deep.", s.place, deepest)
		}
		if s.work.modules++; s.work.modules > maxModules {
			return failf("The repository has more than %d submodules.", maxModules)
		}
		if err := s.submodule(ctx, root, m, commit, depth); err != nil {
			return inModule(m, err)
		}
	}
	return nil
}

// inModule says which submodule a failure is of.
func inModule(m module, err error) error {
	if e, ok := errors.AsType[*away](err); ok {
		return &away{inModule(m, e.reason)}
	}
	if e, ok := errors.AsType[*apprunner.Error](err); ok {
		return failf("Submodule %q: %s", clean(m.path, 100), e.Message)
	}
	return err
}

func (s *session) submodule(ctx context.Context, root *os.Root, m module, commit string, depth int) error {
	raw, err := s.moduleURL(m.url)
	if err != nil {
		return err
	}
	p, err := s.work.git.place(raw)
	if err != nil {
		return err
	}
	if p.url.Scheme == "file" && s.place.url.Scheme != "file" {
		return failf("Its URL %s is on this machine, and a repository elsewhere may not lead there.", p)
	}
	var c Credential
	if p.origin() == s.place.origin() {
		c = s.credential
	}
	// The directory is there: git makes one for each submodule. A link in its place leads nowhere else.
	inner, err := root.OpenRoot(m.path)
	if err != nil {
		return failf("Its path is not a directory of the repository.")
	}
	defer inner.Close()
	sub, err := s.work.open(ctx, p, c)
	if err != nil {
		return err
	}
	defer sub.close()
	if err := sub.fetch(ctx, commit); err != nil {
		return err
	}
	return sub.checkOut(ctx, inner, depth+1)
}

// modules reads .gitmodules as the commit has it; the file that was written may be anything.
func (s *session) modules(ctx context.Context) ([]module, error) {
	kind, err := s.git(ctx, "ls-tree", ours, "--", ".gitmodules")
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(kind, "100") {
		return nil, nil // none, or no file: git itself then has no submodules either
	}
	out, err := s.git(ctx, "config", "--blob", ours+":.gitmodules", "--null", "--list")
	if err != nil {
		return nil, err
	}
	byName := map[string]*module{}
	var all []*module
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		key, value, _ := strings.Cut(entry, "\n")
		name, isModule := strings.CutPrefix(key, "submodule.")
		dot := strings.LastIndexByte(name, '.')
		if !isModule || dot < 0 {
			continue
		}
		m := byName[name[:dot]]
		if m == nil {
			m = &module{}
			byName[name[:dot]] = m
			all = append(all, m)
		}
		switch name[dot+1:] {
		case "path":
			m.path = value
		case "url":
			m.url = value
		case "update":
			m.update = value
		}
	}
	var good []module
	for _, m := range all {
		if m.path != "" && m.url != "" && !slices.ContainsFunc(good, func(o module) bool { return o.path == m.path }) {
			good = append(good, *m)
		}
	}
	return good, nil
}

// moduleURL is where a submodule is. A relative URL begins at that of the repository. What names the
// repository's own host by ssh is read the way the repository is, as only that has a credential.
func (s *session) moduleURL(raw string) (string, error) {
	if strings.HasPrefix(raw, "./") || strings.HasPrefix(raw, "../") {
		u := *s.place.url
		u.Path = path.Join("/", u.Path, raw)
		if scpForm.MatchString(s.place.text) && !strings.Contains(s.place.text, "://") {
			head, _, _ := strings.Cut(s.place.text, ":")
			return head + ":" + strings.TrimPrefix(u.Path, "/"), nil
		}
		return u.String(), nil
	}
	p, err := s.work.git.place(raw)
	if err != nil {
		return "", err
	}
	if p.url.Scheme == "ssh" && s.place.url.Scheme == "https" && p.url.Hostname() == s.place.url.Hostname() {
		u := url.URL{Scheme: "https", Host: s.place.url.Host, Path: "/" + strings.TrimPrefix(p.url.Path, "/")}
		return u.String(), nil
	}
	return raw, nil
}

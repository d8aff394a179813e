package remote

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Prefix is the path that repositories are below.
const Prefix = "/git/"

var (
	// The names of services are those of the App Runner API.
	repositoryPath = regexp.MustCompile(`\A/git/(?:([a-z]{2}(?:-[a-z]+)+-[0-9])/)?([A-Za-z0-9][A-Za-z0-9_-]{3,39})\.git(/.*)?\z`)
	nameForm       = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_-]{3,39}\z`)
	regionForm     = regexp.MustCompile(`\A[a-z]{2}(-[a-z]+)+-[0-9]\z`)
)

// Path is the path of the URL of a repository, of a server whose own Region is home.
func Path(home, region, name string) string {
	if region == home {
		return Prefix + name + suffix
	}
	return Prefix + region + "/" + name + suffix
}

// split finds the repository in a path, and what comes after it.
func (s *Server) split(path string) (region, name, rest string, ok bool) {
	m := repositoryPath.FindStringSubmatch(path)
	if m == nil {
		return "", "", "", false
	}
	if region = m[1]; region == "" {
		region = s.Home
	}
	return region, m[2], m[3], true
}

// Own returns the service whose repository here a RepositoryUrl names, not ok for any other URL.
func (s *Server) Own(repository string) (region, name string, ok bool) {
	u, err := url.Parse(repository)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return "", "", false
	}
	if !slices.Contains(s.Hosts(), strings.ToLower(u.Host)) {
		return "", "", false
	}
	region, name, rest, ok := s.split(strings.TrimSuffix(u.Path, "/"))
	return region, name, ok && rest == ""
}

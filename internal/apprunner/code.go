package apprunner

import (
	"cmp"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// ConfigurationSource is where the build and run settings of source code are.
type ConfigurationSource string

// The places of settings: apprunner.yaml in the source directory, or the request.
const (
	FromRepository ConfigurationSource = "REPOSITORY"
	FromAPI        ConfigurationSource = "API"
)

// CodeRepository is the source code of a service. What its build makes of it is in the revision's Image.
type CodeRepository struct {
	URL       string // of the repository, as the caller wrote it
	Branch    string
	Directory string // absolute from the root of the repository; "/" for the root
	Source    ConfigurationSource
	Values    *CodeValues `json:",omitempty"` // nil unless Source is FromAPI
}

// CodeValues are the settings of source code that came with the request.
type CodeValues struct {
	Runtime   string            // as the API names it, PYTHON_311
	Build     string            `json:",omitempty"`
	Start     string            `json:",omitempty"`
	Port      int               // that the application listens on
	Variables map[string]string `json:",omitempty"` // at run time only
	Secrets   map[string]string `json:",omitempty"` // references, by the name of the variable
}

// Commit is a state of a repository.
type Commit struct {
	ID      string // of the commit, hexadecimal
	Tree    string `json:",omitempty"` // id of what the source directory holds: equal when nothing in it changed
	Author  string `json:",omitempty"` // name and address
	Message string `json:",omitempty"` // its first line
}

// Short is the commit's id as people write it.
func (c Commit) Short() string { return c.ID[:min(len(c.ID), 8)] }

// String tells people which commit it is.
func (c Commit) String() string { return c.Short() + " by " + c.Author + ": " + c.Message }

// CommitID reports whether text is the whole id of a commit: 40 hexadecimal digits, or 64 where a
// repository uses SHA-256.
func CommitID(text string) bool { return commitID.MatchString(text) }

var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// CodeChange is a CodeRepository as it was sent.
type CodeChange struct {
	URL, Branch string
	Directory   string
	Source      ConfigurationSource // "" when no CodeConfiguration was sent
	Values      *CodeValuesChange
}

// CodeValuesChange are CodeConfigurationValues as they were sent.
type CodeValuesChange struct {
	Runtime, Build, Start, Port string
	Variables, Secrets          map[string]string
}

// repository is the configuration that results, for a service that had one before or nil.
func (c CodeChange) repository(before *CodeRepository) (*CodeRepository, error) {
	if strings.TrimSpace(c.URL) == "" {
		return nil, Errorf(InvalidRequest, "CodeRepository.RepositoryUrl is empty. Give the address that git clones from.")
	}
	if err := checkBranch(c.Branch); err != nil {
		return nil, err
	}
	directory, err := sourceDirectory(c.Directory)
	if err != nil {
		return nil, err
	}
	r := &CodeRepository{URL: c.URL, Branch: c.Branch, Directory: directory, Source: c.Source}
	switch {
	case c.Source == FromAPI && c.Values == nil:
		return nil, Errorf(InvalidRequest, "CodeConfiguration with ConfigurationSource API needs CodeConfigurationValues with a Runtime.")
	case c.Source == FromAPI:
		r.Values, err = c.Values.values()
	case c.Source == "" && before != nil:
		r.Source, r.Values = before.Source, before.Values
	default:
		r.Source = FromRepository
	}
	return r, err
}

func (c CodeValuesChange) values() (*CodeValues, error) {
	port, err := parsePort("CodeConfigurationValues.Port", c.Port)
	if err != nil {
		return nil, err
	}
	if err := checkEnvironment(c.Variables, c.Secrets); err != nil {
		return nil, err
	}
	if err := checkStart(c.Start); err != nil {
		return nil, err
	}
	return &CodeValues{Runtime: c.Runtime, Build: c.Build, Start: c.Start, Port: port, Variables: c.Variables, Secrets: c.Secrets}, nil
}

func parsePort(member, text string) (int, error) {
	port, err := strconv.ParseUint(cmp.Or(text, strconv.Itoa(DefaultPort)), 10, 16)
	if err != nil || port == 0 {
		return 0, Errorf(InvalidRequest, "%s %q is not a port number from 1 to 65535.", member, text)
	}
	return int(port), nil
}

// notInBranch is what git refuses in the name of a branch.
//
// Source: git-check-ref-format(1).
var notInBranch = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-./]|[./]$|^@$|^$`)

// BranchName reports whether git takes name for that of a branch.
func BranchName(name string) bool { return len(name) <= 255 && !notInBranch.MatchString(name) }

func checkBranch(name string) error {
	if !BranchName(name) {
		return Errorf(InvalidRequest, "SourceCodeVersion.Value %q cannot be the name of a branch.", name)
	}
	return nil
}

// sourceDirectory makes a path absolute from the root of the repository.
func sourceDirectory(directory string) (string, error) {
	for part := range strings.SplitSeq(directory, "/") {
		if part == ".." {
			return "", Errorf(InvalidRequest, "SourceDirectory %q leaves the repository. Give a path from its root, such as /services/api.", directory)
		}
	}
	if strings.ContainsAny(directory, "\x00\n\r\\") {
		return "", Errorf(InvalidRequest, "SourceDirectory %q is not a path. Give one from the root of the repository, such as /services/api.", directory)
	}
	return path.Join("/", directory), nil
}

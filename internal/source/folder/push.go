package folder

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Target is a branch of a repository that is reached over HTTP.
type Target struct {
	URL            string
	User, Password string
	Branch         string
	Options        []string // for the server, as with "git push -o"
}

// Push makes the branch what the folder holds. Only what the server has not got travels.
func (s *Snapshot) Push(ctx context.Context, t Target) error {
	err := s.store.push(ctx, t, s.Commit)
	f, ok := errors.AsType[*failure](err)
	switch {
	case !ok:
		return err
	case strings.Contains(f.text, "Authentication failed"), strings.Contains(f.text, "could not read Username"):
		return fmt.Errorf("send the folder to %s: the access key is not known there", t.URL)
	default:
		return fmt.Errorf("send the folder to %s: %s", t.URL, plain(f.text))
	}
}

// missing reports whether the server lacks what it had the last time, whose content is not here.
func missing(err error) bool {
	if err == nil {
		return false
	}
	for _, words := range []string{"unable to read", "bad object", "could not read", "unable to get", "pack-objects died", "missing necessary objects", "did not receive expected object"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

func (s *store) push(ctx context.Context, t Target, commit string) error {
	args := []string{"push", "--quiet", "--force", "--no-verify"}
	for _, o := range t.Options {
		args = append(args, "--push-option="+o)
	}
	cmd := s.command(ctx, append(args, t.URL, commit+":refs/heads/"+t.Branch)...)
	basic := base64.StdEncoding.EncodeToString([]byte(t.User + ":" + t.Password))
	cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+s.contents(),
		// In the environment, which no other user sees as they do arguments.
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Basic "+basic)
	if local(t.URL) {
		cmd.Env = append(cmd.Env, "no_proxy=*", "NO_PROXY=*")
	}
	_, err := run(cmd, nil)
	return err
}

// local reports whether a URL is on this machine, where no proxy leads.
func local(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// plain is what Git said without its own words around what the server said.
func plain(text string) string {
	var said, all []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if message, ok := strings.CutPrefix(line, "remote: "); ok {
			said = append(said, message)
		}
		all = append(all, line)
	}
	if len(said) > 0 {
		return strings.Join(said, " ")
	}
	return strings.Join(all, " ")
}

// Send takes a folder and pushes it. When the server lacks what it had the last time, everything is
// taken and sent. The snapshot is closed.
func Send(ctx context.Context, o Options, t Target) (*Snapshot, error) {
	s, err := sendOnce(ctx, o, t, false)
	if missing(err) {
		s, err = sendOnce(ctx, o, t, true)
	}
	return s, err
}

func sendOnce(ctx context.Context, o Options, t Target, forget bool) (*Snapshot, error) {
	s, err := Take(ctx, o, forget)
	if err != nil {
		return nil, err
	}
	if s.Same = s.Tree == o.Known; !s.Same {
		err = s.Push(ctx, t)
	}
	return s, errors.Join(err, s.Close())
}

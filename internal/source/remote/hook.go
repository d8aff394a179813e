package remote

import (
	"bufio"
	_ "embed"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

//go:embed hook.sh
var hookProgram []byte

// The moments at which Git asks.
const (
	beforePush = "pre-receive"
	afterPush  = "post-receive"
)

// writeHooks writes the hook, under each of its names.
func (s *Server) writeHooks() error {
	if err := os.MkdirAll(s.hooks, 0o700); err != nil {
		return err
	}
	for _, name := range []string{beforePush, afterPush} {
		fresh := filepath.Join(s.scratch(), name)
		err := os.WriteFile(fresh, hookProgram, 0o700)
		if err == nil {
			err = os.Rename(fresh, filepath.Join(s.hooks, name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// update is a branch or tag that is to move, or has moved. New is only zeros for one that goes away.
type update struct{ old, new, ref string }

func (u update) branch() (string, bool) { return strings.CutPrefix(u.ref, "refs/heads/") }

func (u update) deletes() bool { return strings.Trim(u.new, "0") == "" }

func (u update) creates() bool { return strings.Trim(u.old, "0") == "" }

// question is what a hook asks.
type question struct {
	hook    string
	updates []update
	options map[string]bool
}

// ask reads the next question of a hook. It returns io.EOF when there is none any more.
func ask(in *bufio.Reader) (question, error) {
	q := question{options: map[string]bool{}}
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return q, io.EOF
		}
		if err != nil {
			return q, err
		}
		kind, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch kind {
		case "hook":
			q.hook = text
		case "option":
			q.options[text] = true
		case "ref":
			if f := strings.Fields(text); len(f) == 3 {
				q.updates = append(q.updates, update{f[0], f[1], f[2]})
			}
		case "end":
			return q, nil
		}
	}
}

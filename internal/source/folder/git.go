package folder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// settings is the configuration that Git gets, and no other: what a repository's own says may run
// programs.
var settings = []string{
	"core.bare=false", "core.fsmonitor=false", "core.untrackedCache=false", "core.hooksPath=/dev/null", "core.autocrlf=false", "core.quotePath=false",
	"core.fsync=none", "core.looseCompression=0", // content is here only until it is sent
	"core.bigFileThreshold=64m", "gc.auto=0", "safe.directory=*",
	// Comparing files with each other takes longer than sending them.
	"pack.compression=1", "pack.window=0", "pack.writeReverseIndex=false",
	"push.autoSetupRemote=false", "submodule.recurse=false", "credential.helper=",
}

// environment is what Git sees: everything but what says where its repository is.
func environment(extra ...string) []string {
	var all []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "GIT_") && !strings.HasPrefix(pair, "LC_") && !strings.HasPrefix(pair, "LANG") {
			all = append(all, pair)
		}
	}
	all = append(all, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1", "GIT_LITERAL_PATHSPECS=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1")
	return append(all, extra...)
}

// command is Git on the store, with the files of the folder.
func (s *store) command(ctx context.Context, args ...string) *exec.Cmd {
	var all []string
	for _, setting := range settings {
		all = append(all, "-c", setting)
	}
	cmd := exec.CommandContext(ctx, "git", append(all, args...)...)
	cmd.Dir = s.top
	cmd.Env = environment("GIT_DIR="+s.repository(), "GIT_WORK_TREE="+s.top)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// git runs Git on the store and returns what it printed.
func (s *store) git(ctx context.Context, input io.Reader, args ...string) (string, error) {
	return run(s.command(ctx, args...), input)
}

// failure is what Git said when it failed.
type failure struct{ verb, text string }

func (f *failure) Error() string { return fmt.Sprintf("git %s: %s", f.verb, f.text) }

func run(cmd *exec.Cmd, input io.Reader) (string, error) {
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &errOut
	err := cmd.Run()
	text := strings.TrimSpace(errOut.String())
	// A directory that cannot be read is only a warning to Git.
	if err == nil && strings.Contains(text, "could not open directory") {
		return "", &failure{"ls-files", text}
	}
	if err != nil {
		if text == "" {
			text = err.Error()
		}
		return "", &failure{verb(cmd.Args), text}
	}
	return out.String(), nil
}

// verb is the command of Git that was run.
func verb(args []string) string {
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "-c" || args[i] == "-C":
			i++
		case !strings.HasPrefix(args[i], "-"):
			return args[i]
		}
	}
	return ""
}

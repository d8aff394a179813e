package remote

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// refsKept is where the commits that revisions were made from are held. Clients do not see it.
const refsKept = "refs/slipway/"

// settings is all the configuration that Git gets. A repository's own says nothing but its format.
func (s *Server) settings() []string {
	return []string{
		"core.hooksPath=" + s.hooks,
		"core.fsmonitor=false", "core.logAllRefUpdates=false", "core.alternateRefsCommand=true",
		// What a reading needs of memory is bounded: files beyond are streamed.
		"core.bigFileThreshold=16m", "core.packedGitWindowSize=32m", "core.packedGitLimit=256m",
		"core.deltaBaseCacheLimit=64m", "pack.windowMemory=64m", "pack.threads=1",
		"safe.directory=*", "gc.auto=0", "maintenance.auto=false",
		"receive.autogc=false",
		"receive.fsckObjects=true",
		"receive.maxInputSize=" + strconv.FormatInt(s.MaxPush, 10),
		"receive.unpackLimit=1", // everything stays in packs: a push is a file or two
		"receive.advertisePushOptions=true",
		// A folder that is deployed is a commit of its own, after none.
		"receive.denyNonFastForwards=false", "receive.denyDeletes=false",
		"receive.shallowUpdate=true", // what automation has is often shallow
		"transfer.hideRefs=" + strings.TrimSuffix(refsKept, "/"),
		"uploadpack.allowFilter=true",
		"advice.detachedHead=false",
	}
}

// environment is all that Git sees of this process.
func (s *Server) environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.home(), "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=none",
		"GIT_ALLOC_LIMIT=1g", // a piece of memory: a push must not take all there is
	}
}

// command is Git with its settings, in a repository. It ends with ctx. What reads a client ends with this
// process too, since its input does.
func (s *Server) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	var all []string
	for _, setting := range s.settings() {
		all = append(all, "-c", setting)
	}
	if dir != "" {
		all = append(all, "--git-dir="+dir)
	}
	cmd := exec.CommandContext(ctx, "git", append(all, args...)...)
	cmd.Env, cmd.Dir = s.environment(), s.home()
	// Asked to end, Git takes its lock files away.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// git runs Git and returns what it printed, without the line's end.
func (s *Server) git(ctx context.Context, dir string, args ...string) (string, error) {
	return run(s.command(ctx, dir, args...))
}

func run(cmd *exec.Cmd) (string, error) {
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		if errOut.Len() > 0 {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(errOut.Bytes()))
		}
		return "", fmt.Errorf("git %s: %w", verb(cmd.Args), err)
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

// verb is the command of Git that was run.
func verb(args []string) string {
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "-c":
			i++
		case !strings.HasPrefix(args[i], "-"):
			return args[i]
		}
	}
	return ""
}

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// session reads one repository. It has a home of its own, a way to the server, and nothing else.
type session struct {
	*work
	place      place
	credential Credential
	home       string  // has the configuration; temporary files go here
	gitDir     string  // the repository as git keeps it
	tree       string  // where its files are checked out, if they are
	tunnel     *tunnel // over http
	ssh        *sshWay // over ssh
}

// open begins to read a repository.
func (w *work) open(ctx context.Context, p place, c Credential) (_ *session, err error) {
	home, err := os.MkdirTemp(w.base, "git-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for a repository: %w", err)
	}
	s := &session{work: w, place: p, credential: c, home: home, gitDir: filepath.Join(home, "repository")}
	switch p.url.Scheme {
	case "https", "http":
		if strings.ContainsFunc(c.Username+c.Token, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, failf("The credential of repository %s has a control character. Authorize its connection again.", p)
		}
		s.tunnel, err = w.git.openTunnel(p)
	case "ssh":
		s.ssh, err = w.git.openSSH(ctx, p, c, home)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(s.settings()), 0o600)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() {
	if s.tunnel != nil {
		s.tunnel.close()
	}
	if s.ssh != nil {
		s.ssh.close()
	}
}

func (s *session) tunnelToken() string {
	if s.tunnel == nil {
		return ""
	}
	return s.tunnel.token
}

// settings is the only configuration that git sees. Secrets are not in it.
func (s *session) settings() string {
	var b strings.Builder
	put := func(section string, lines ...string) {
		fmt.Fprintf(&b, "[%s]\n\t%s\n", section, strings.Join(lines, "\n\t"))
	}
	put("init", "defaultBranch = main", "templateDir =")
	put("core", "hooksPath = /dev/null", "attributesFile = /dev/null", "excludesFile = /dev/null", "fsmonitor = false",
		"bigFileThreshold = 16m", "packedGitWindowSize = 64m", "packedGitLimit = 512m", "autocrlf = false", "quotePath = false")
	put("gc", "auto = 0")
	put("maintenance", "auto = false")
	put("pack", "threads = 1")
	put("fetch", "fsckObjects = true", "recurseSubmodules = false", "unpackLimit = 1")
	put(`fetch "fsck"`, harmless...)
	put("transfer", "fsckObjects = true", "credentialsInUrl = die", "bundleURI = false")
	put("submodule", "recurse = false")
	put("advice", "detachedHead = false")
	put("i18n", "logOutputEncoding = UTF-8")
	put("protocol", "version = 2")
	put("credential", "helper =", "useHttpPath = false")
	switch s.place.url.Scheme {
	case "https", "http":
		put("http", "followRedirects = initial", "lowSpeedLimit = 1000", "lowSpeedTime = 60", "sslVerify = true", `proxy = "`+s.tunnel.url()+`"`)
		if s.credential.Token != "" {
			// A host that a redirect leads to is another one, and is told nothing.
			put(fmt.Sprintf("credential %q", s.place.origin()),
				`helper = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$SLIPWAY_GIT_USERNAME\" \"$SLIPWAY_GIT_TOKEN\"; }; f"`)
		}
	case "file":
		put("safe", "directory = *") // the operator has allowed it
	}
	return b.String()
}

// harmless is what old tools wrote into many real repositories.
var harmless = []string{
	"zeroPaddedFilemode = ignore", "badTimezone = ignore", "missingSpaceBeforeDate = ignore", "missingSpaceBeforeEmail = ignore",
	"missingNameBeforeEmail = ignore", "missingEmail = ignore", "badEmail = ignore", "badName = ignore", "badDate = ignore",
	"badDateOverflow = ignore", "zeroPaddedDate = ignore", "multipleAuthors = ignore", "gitattributesBlob = ignore",
}

// environment is all of the environment of git.
func (s *session) environment() []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + s.home, "TMPDIR=" + s.home, "LC_ALL=C", "LANG=C",
		"GIT_CONFIG_GLOBAL=" + filepath.Join(s.home, ".gitconfig"), "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_NO_REPLACE_OBJECTS=1", "GIT_LFS_SKIP_SMUDGE=1",
		"GIT_ALLOW_PROTOCOL=" + s.place.url.Scheme, "GIT_DIR=" + s.gitDir,
	}
	if s.tree != "" {
		env = append(env, "GIT_WORK_TREE="+s.tree)
	}
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		env = append(env, "GIT_SSL_CAINFO="+file)
	}
	if s.tunnel != nil && s.credential.Token != "" {
		env = append(env, "SLIPWAY_GIT_USERNAME="+s.credential.Username, "SLIPWAY_GIT_TOKEN="+s.credential.Token)
	}
	if s.ssh != nil {
		env = append(env, "GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND="+s.ssh.command(), "SSH_AUTH_SOCK="+s.ssh.socket)
	}
	return env
}

// maxOutput is how much of what git prints is read, in bytes.
const maxOutput = 64 << 20

// git runs a command of git and returns what it prints.
func (s *session) git(ctx context.Context, args ...string) (string, error) {
	out, wrote, err := s.run(ctx, exec.CommandContext(ctx, "git", args...))
	if err != nil {
		return "", explain(ctx, s, wrote, err)
	}
	return out, nil
}

// run runs a program that speaks to the server. The kernel ends it, with all that it has started, when
// this process ends.
func (s *session) run(ctx context.Context, cmd *exec.Cmd) (stdout, stderr string, err error) {
	out, errOut := &limited{most: maxOutput}, &limited{most: 64 << 10, last: true}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.home, s.environment(), out, errOut
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	// Its death signal is that of the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return "", "", fmt.Errorf("start git: %w. Install it with: apt-get install git", err)
	}
	s.confine(cmd.Process.Pid)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return "", "", context.Cause(ctx)
	}
	if out.over {
		err = errors.Join(err, errors.New("git printed more than "+strconv.Itoa(maxOutput)+" bytes"))
	}
	return out.String(), errOut.String(), err
}

// confine bounds a program, beyond what the watch of the disk sees in time. One that has ended already
// needs no bounds.
func (s *session) confine(pid int) {
	for resource, most := range map[int]uint64{unix.RLIMIT_FSIZE: uint64(s.work.git.config.MaxBytes) + 64<<20, unix.RLIMIT_AS: 6 << 30, unix.RLIMIT_CORE: 0} {
		_ = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
	}
}

// limited keeps the first or the last bytes that are written to it.
type limited struct {
	bytes.Buffer
	most int
	last bool
	over bool
}

func (l *limited) Write(data []byte) (int, error) {
	n := len(data)
	if l.Len()+n <= l.most {
		return l.Buffer.Write(data)
	}
	if !l.last {
		l.over = true
		return n, nil
	}
	data = append(bytes.Clone(l.Bytes()), data...)
	l.Reset()
	l.Buffer.Write(data[max(0, len(data)-l.most/2):])
	return n, nil
}

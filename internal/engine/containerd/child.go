package containerd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	client "github.com/containerd/containerd/v2/client"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/engine/containerd/cgroup"
)

// child is the containerd process of a data directory.
type child struct {
	paths  paths
	bin    string // directory of containerd, its shim and runc
	client *client.Client
	group  cgroup.Group // where it is kept apart from the service that Slipway runs as
	log    *slog.Logger
}

const (
	startTimeout = 30 * time.Second // containerd loads all its shims before it answers
	stopTimeout  = 10 * time.Second
	maxLog       = 8 << 20 // bytes of containerd's own log, kept twice
)

func (c *child) pidFile() string { return c.paths.file("containerd.json") }
func (c *child) logFile() string { return c.paths.file("containerd.log") }

// ensure returns the running containerd, starting it if need be.
func (c *child) ensure(ctx context.Context) (process, error) {
	config, err := c.paths.config()
	if err != nil {
		return process{}, err
	}
	sum := sha256.Sum256(config)
	hash := hex.EncodeToString(sum[:])
	old := readProcess(c.pidFile())
	if old.alive() {
		if old.Config == hash && c.sameBinary(old) && c.serving(ctx, startTimeout) == nil {
			return old, nil
		}
		// Another version or configuration, or one that hangs. Instances go on without it.
		c.log.Info("restarting containerd", "pid", old.PID)
		if err := old.terminate(stopTimeout); err != nil {
			return process{}, err
		}
	}
	if old.Boot != bootID() {
		// What an earlier boot left tells of processes and mounts that no longer exist.
		if err := os.RemoveAll(c.paths.file("state")); err != nil {
			return process{}, fmt.Errorf("clear state of an earlier boot: %w", err)
		}
	}
	if err := writeFile(c.paths.file("config.toml"), config); err != nil {
		return process{}, err
	}
	return c.start(ctx, hash)
}

// sameBinary reports whether a process runs the containerd that we would start.
func (c *child) sameBinary(p process) bool {
	running, err1 := os.Stat(fmt.Sprintf("/proc/%d/exe", p.PID))
	wanted, err2 := os.Stat(filepath.Join(c.bin, "containerd"))
	return err1 == nil && err2 == nil && os.SameFile(running, wanted)
}

func (c *child) start(ctx context.Context, hash string) (process, error) {
	if err := boundLog(c.logFile()); err != nil {
		return process{}, err
	}
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return process{}, fmt.Errorf("open containerd's log: %w", err)
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return process{}, fmt.Errorf("open containerd's log: %w", err)
	}
	cmd := exec.Command(filepath.Join(c.bin, "containerd"), "--config", c.paths.file("config.toml"))
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + c.bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = log, log
	// Its own session: neither Ctrl-C nor the end of Slipway ends it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return process{}, fmt.Errorf("start containerd: %w", err)
	}
	ended := make(chan struct{})
	go func() { // lasts as long as the process: collects its remains
		_ = cmd.Wait()
		close(ended)
	}()
	// A service manager that stops Slipway ends all of its service. The engine is to go on, and
	// its shims, which it starts, with it.
	if err := c.group.Track(cmd.Process.Pid); err != nil {
		c.log.Warn("containerd may end together with Slipway's service", "error", err)
	}
	p := process{PID: cmd.Process.Pid, Start: startTime(cmd.Process.Pid), Boot: bootID(), Config: hash}
	if err := p.write(c.pidFile()); err != nil {
		return process{}, errors.Join(err, p.terminate(stopTimeout))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := c.serving(ctx, startTimeout); err != nil {
		err = fmt.Errorf("containerd does not answer: %w; its log ends with: %s", err, tail(c.logFile(), begin))
		return process{}, errors.Join(err, p.terminate(stopTimeout))
	}
	return p, nil
}

// serving returns when containerd answers.
func (c *child) serving(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := c.client.IsServing(ctx)
	return err
}

// supervise starts containerd again whenever it ends, until ctx does.
func (c *child) supervise(ctx context.Context, p process) {
	for {
		c.wait(ctx, p)
		if ctx.Err() != nil {
			return
		}
		c.log.Warn("containerd ended; starting it again. Instances go on.", "pid", p.PID)
		for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
			var err error
			if p, err = c.ensure(ctx); err == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			c.log.Error("cannot start containerd", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}

// wait returns when the process or ctx ends. It also keeps the log of the process small.
func (c *child) wait(ctx context.Context, p process) {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for ctx.Err() == nil && p.alive() {
		// Its descriptor becomes readable when the process ends; the timeout is to look at ctx.
		if waitFD(fd, 250*time.Millisecond) {
			return
		}
		if err := boundLog(c.logFile()); err != nil {
			c.log.Warn("cannot bound containerd's log", "error", err)
		}
	}
}

// boundLog moves a long log aside. The writer appends, so it goes on at the start of the file.
func boundLog(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() < maxLog {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read containerd's log: %w", err)
	}
	if err := writeFile(path+".1", b); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

// tail returns the end of what was written to a file after offset begin.
func tail(path string, begin int64) string {
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) < begin {
		return "(nothing)"
	}
	b = b[begin:]
	return strings.TrimSpace(string(b[max(len(b)-1000, 0):]))
}

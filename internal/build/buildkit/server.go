package buildkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/buildkit/client"

	"github.com/slipway-run/slipway/internal/build/room"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 5 * time.Second // to write down what is known of caches
)

// server is BuildKit's daemon: started for the first of several builds, stopped a while after the last.
type server struct {
	opts Options
	log  *slog.Logger

	mu      sync.Mutex
	users   int
	running *running // nil when it does not run
	idle    *time.Timer
	spoiled bool // it has to be started again before the next build
	closed  bool
}

// running is a daemon that answers.
type running struct {
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has
	client *client.Client
	room   room.Room
}

func newServer(opts Options) *server { return &server{opts: opts, log: opts.Logger} }

// use returns the daemon, and starts it if need be. Call the function when done.
func (s *server) use(ctx context.Context) (*running, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errors.New("builds have been shut down")
	}
	if s.idle != nil {
		s.idle.Stop()
	}
	if s.running != nil && s.running.over() {
		s.log.Warn("BuildKit ended by itself; starting it again")
		s.running = nil
	}
	if s.spoiled && s.users == 0 {
		s.log.Warn("BuildKit is started again, without what it has half read")
		if err := s.stop(ctx); err != nil {
			return nil, nil, err
		}
		s.spoiled = false
	}
	if s.running == nil {
		r, err := s.start(ctx)
		if err != nil {
			return nil, nil, err
		}
		s.running = r
	}
	s.users++
	return s.running, s.leave, nil
}

// spoil has the daemon started again as soon as nobody uses it.
func (s *server) spoil() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoiled = true
}

func (s *server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 && !s.closed {
		s.idle = time.AfterFunc(s.opts.Limits.IdleStop, s.stopIdle)
	}
}

func (s *server) stopIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users > 0 || s.closed {
		return
	}
	if err := s.stop(context.Background()); err != nil {
		s.log.Warn("BuildKit was not stopped", "error", err)
	}
}

// stop asks the daemon to end and clears its room. What is in the room ends in any case.
func (s *server) stop(ctx context.Context) error {
	r := s.running
	s.running = nil
	if r == nil {
		return nil
	}
	_ = r.client.Close()
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(stopTimeout):
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	return s.opts.Rooms.CloseRoom(ctx)
}

func (s *server) close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.idle != nil {
		s.idle.Stop()
	}
	return s.stop(ctx)
}

func (r *running) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// start opens the room and starts the daemon in it. When it does not come up with the caches that are
// there, it gets a chance without them: they are worth less than builds.
func (s *server) start(ctx context.Context) (*running, error) {
	l := s.opts.Limits
	spec := room.Spec{Disk: l.Disk, CPUs: l.CPUs, Memory: l.Memory, Pids: l.Pids}
	for {
		place, err := s.opts.Rooms.OpenRoom(ctx, spec)
		if err != nil {
			return nil, err
		}
		r, err := s.launch(ctx, place)
		if err == nil {
			return r, nil
		}
		err = errors.Join(err, s.opts.Rooms.CloseRoom(context.WithoutCancel(ctx)))
		if place.Fresh || ctx.Err() != nil {
			return nil, err
		}
		s.log.Warn("BuildKit does not start; trying without its caches", "error", err)
		spec.Fresh = true
	}
}

func stateDir(r room.Room) string { return filepath.Join(r.Disk, "buildkit") }
func socket(r room.Room) string   { return filepath.Join(r.Sockets, "buildkitd.sock") }

func traces(r room.Room) string { return filepath.Join(r.Sockets, "otel.sock") }

func (s *server) launch(ctx context.Context, place room.Room) (*running, error) {
	cmd, log, err := s.command(place)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	begin := time.Now()
	// What was half read of a base image: BuildKit would go on from there, and cannot with images from us.
	halves := filepath.Join(stateDir(place), "runc-overlayfs", "content", "ingest")
	if err := s.opts.Rooms.StartInRoom(cmd, halves); err != nil {
		return nil, err
	}
	r := &running{cmd: cmd, ended: make(chan struct{}), room: place}
	go func() { // lasts as long as the process: collects its remains
		_ = cmd.Wait()
		close(r.ended)
	}()
	if err := r.await(ctx); err != nil {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("BuildKit does not answer: %w; its log ends with: %s", err, tail(log.Name()))
	}
	// It would lend this socket to every command. It listens for traces alone, which nobody wants.
	if err := os.Remove(traces(place)); err != nil && !errors.Is(err, os.ErrNotExist) {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("keep commands from BuildKit: %w", err)
	}
	s.log.Info("BuildKit started", "pid", cmd.Process.Pid, "took", time.Since(begin))
	return r, nil
}

// command is how the daemon is started.
func (s *server) command(place room.Room) (*exec.Cmd, *os.File, error) {
	config, err := s.writeConfig(place)
	if err != nil {
		return nil, nil, err
	}
	log, err := os.Create(filepath.Join(place.Dir, "buildkitd.log"))
	if err != nil {
		return nil, nil, fmt.Errorf("open BuildKit's log: %w", err)
	}
	if err := os.Remove(socket(place)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, errors.Join(err, log.Close())
	}
	cmd := exec.Command(filepath.Join(s.opts.BinDir, "buildkitd"), "--config", config)
	cmd.Dir = "/"
	cmd.Env = append(s.opts.Proxy.environ(),
		"PATH="+s.opts.BinDir+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME="+place.Disk, "TMPDIR="+place.Disk,
		// Lines are bounded where they are read; clipping here would lose the last ones.
		"BUILDKIT_STEP_LOG_MAX_SIZE=-1", "BUILDKIT_STEP_LOG_MAX_SPEED=-1",
	)
	if s.opts.CABundle != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+s.opts.CABundle, "GIT_SSL_CAINFO="+s.opts.CABundle)
	}
	cmd.Stdout, cmd.Stderr = log, log
	// Its own session: what ends Slipway's terminal does not end it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, log, nil
}

// await connects, and returns when the daemon answers.
func (r *running) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c, err := client.New(ctx, "unix://"+socket(r.room))
	if err != nil {
		return err
	}
	for {
		if _, err = c.Info(ctx); err == nil {
			r.client = c
			return nil
		}
		select {
		case <-r.ended:
			return errors.Join(errors.New("it ended"), c.Close())
		case <-ctx.Done():
			return errors.Join(err, c.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail returns the end of a file.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return "(nothing)"
	}
	return strings.TrimSpace(string(b[max(len(b)-1000, 0):]))
}

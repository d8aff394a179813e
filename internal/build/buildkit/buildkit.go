package buildkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/semaphore"

	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/room"
)

// Rooms is the place where builds happen. There is one room at a time.
type Rooms interface {
	OpenRoom(ctx context.Context, spec room.Spec) (room.Room, error)
	// StartInRoom starts the program after it has deleted what is not to be on the disk any more.
	StartInRoom(cmd *exec.Cmd, without ...string) error
	RoomUse() (room.Use, error)
	CloseRoom(ctx context.Context) error
}

// Images finds the image that a build begins from, for this machine's platform. A reference that names
// nothing, or nothing that this build may have, is a *plan.Failure.
type Images func(ctx context.Context, reference string) (v1.Image, error)

// Limits are what builds may use of the machine, and how many there are at once.
type Limits struct {
	Concurrency int           // builds at once; the others wait
	CPUs        float64       // of all builds; 0 for all there are. They yield to everything else anyway.
	Memory      int64         // bytes, of all builds
	Pids        int64         // processes and threads, of all builds
	Disk        int64         // bytes, of all builds and caches
	KeepCache   int64         // bytes of caches that are kept
	Timeout     time.Duration // of one build, without the wait for others
	IdleStop    time.Duration // how long BuildKit runs without a build
}

// Options of a Builder.
type Options struct {
	Rooms  Rooms
	BinDir string // has buildkitd, runc and the directory cni
	Images Images
	Limits Limits
	// CABundle is a file of certificates that commands trust; empty for that of this machine.
	CABundle string
	Env      []plan.Variable // of all commands; never in an image, and no reason to run a step again
	Proxy    Proxy
	Logger   *slog.Logger // nil for none
}

// Builder builds images.
type Builder struct {
	opts    Options
	server  *server
	slots   *semaphore.Weighted
	waiting atomic.Int64
	log     *slog.Logger
}

// Job is a build.
type Job struct {
	ID     string // of the operation; for logs
	Scope  string // id of the service: caches are shared inside of a scope alone
	Source string // directory with the repository

	Plan       *plan.Plan
	Dockerfile *Dockerfile // instead of a plan

	Push Push
	Log  func(phase plan.Phase, line string) // called by one goroutine at a time
}

// Push is where the image goes.
type Push struct {
	Repository     string // with the host, such as "127.0.0.1:7420/app"
	Tag            string // empty to name the image by its digest alone
	User, Password string
	Insecure       bool // plain HTTP
}

// Result is the image that came out.
type Result struct {
	Digest     string // of its manifest
	Size       int64  // bytes of its layers, compressed
	Command    []string
	Entrypoint []string
	Ports      []int // of TCP that it exposes
}

// New returns a builder. BuildKit starts with the first build.
func New(opts Options) *Builder {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	opts.Limits.Concurrency = max(opts.Limits.Concurrency, 1)
	return &Builder{
		opts: opts, server: newServer(opts), log: opts.Logger,
		slots: semaphore.NewWeighted(int64(opts.Limits.Concurrency)),
	}
}

// Close ends BuildKit. Builds that are under way fail; they must have been cancelled.
func (b *Builder) Close(ctx context.Context) error { return b.server.close(ctx) }

// errTimeout is the cause of the end of a build that took too long.
var errTimeout = errors.New("the time limit of builds is reached")

// Build builds a job and pushes the image. When ctx ends, the commands end with it.
func (b *Builder) Build(ctx context.Context, job Job) (Result, error) {
	if (job.Plan == nil) == (job.Dockerfile == nil) {
		return Result{}, errors.New("a build needs a plan or a Dockerfile, and not both")
	}
	if err := b.queue(ctx, job); err != nil {
		return Result{}, err
	}
	defer b.slots.Release(1)
	daemon, done, err := b.server.use(ctx)
	if err != nil {
		return Result{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeoutCause(ctx, b.opts.Limits.Timeout, errTimeout)
	defer cancel()
	lines := newTranscript(job.Log)
	result, err := b.build(ctx, daemon, job, lines)
	for range 3 {
		if !interrupted(ctx, err) {
			break
		}
		result, err = b.build(ctx, daemon, job, lines)
	}
	if err != nil {
		return Result{}, b.explain(ctx, lines, err)
	}
	return result, nil
}

// queue waits for its turn, first come first served.
func (b *Builder) queue(ctx context.Context, job Job) error {
	if b.slots.TryAcquire(1) {
		return nil
	}
	ahead := b.waiting.Add(1) - 1
	defer b.waiting.Add(-1)
	job.Log("", waitLine(ahead))
	if err := b.slots.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait for another build: %w", context.Cause(ctx))
	}
	return nil
}

func waitLine(ahead int64) string {
	switch ahead {
	case 0:
		return "Waiting for another build to end; this one is next."
	case 1:
		return "Waiting for another build to end; one more is ahead of this one."
	default:
		return fmt.Sprintf("Waiting for another build to end; %d more are ahead of this one.", ahead)
	}
}

// parallelism is how many steps run at once.
func parallelism() int { return max(runtime.NumCPU(), 1) }

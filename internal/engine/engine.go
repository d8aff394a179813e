// Package engine is the contract for running instances of an application.
//
// An instance is one container of one image: it has an id that its owner chose, labels that only
// its owner understands, a state, and an address that the router can reach. The contract knows
// nothing of processes, paths or namespaces, so that an engine may run instances on this machine,
// through Docker, or on a cluster. Every engine passes the suite in enginetest.
//
// A process that ends, an image that cannot be pulled or a command that does not exist is the
// application's failure: it is data (Exit) or an *Error with a Code. Any other error is the
// engine's own and may be tried again.
package engine

import (
	"context"
	"net/netip"
	"time"
)

// Spec says what to run. It is fixed once the instance is prepared.
type Spec struct {
	ID      string            // chosen by the owner; 32 hexadecimal digits
	Labels  map[string]string // stored with the instance and returned by List, also after a crash
	Image   string            // name that Images.Pull returned
	Command []string          // replaces the image's entrypoint and command unless empty
	Env     []string          // KEY=value, added to the image's own
	Secrets []string          // KEY=value, added to Env; the engine keeps no copy that outlives the instance
	CPU     int               // in units: 1024 is one virtual CPU; its limit, and its weight against others
	Boost   bool              // no limit on CPU until SetCPU: a start needs more than serving does
	Memory  int64             // bytes; the instance is killed above it
	Disk    int64             // bytes of ephemeral disk; writes beyond it fail with "no space left"

	// Egress limits what the instance may connect to; nil for no limit.
	Egress *Egress
	// Forward lists TCP ports of the instance's own loopback address where it finds what the engine
	// was told to offer there. A port of which the engine knows nothing is left alone.
	Forward []int
}

// State is where an instance is in its life. It never goes back, but for Frozen and Running.
type State string

// The states of an instance.
const (
	Prepared State = "PREPARED" // created ahead: needs only Start
	Running  State = "RUNNING"
	Frozen   State = "FROZEN" // no process of it is scheduled; memory is kept
	Exited   State = "EXITED" // Exit says why; the instance is kept until Remove
)

// Instance is what an engine knows of one instance.
type Instance struct {
	ID        string
	Labels    map[string]string
	State     State
	Address   netip.Addr // reachable from the router once Running
	StartedAt time.Time
	Exit      *Exit // set when Exited
}

// Exit tells how an instance ended.
type Exit struct {
	Code        int // of the main process; 128+n when signal n ended it
	At          time.Time
	OutOfMemory bool  // the kernel killed a process of it for memory
	MemoryPeak  int64 // bytes, the most it used; 0 when unknown
	DiskFull    bool  // its ephemeral disk had no space left when it ended
}

// Event is a change of an instance's state.
type Event struct {
	ID    string
	State State
	Exit  *Exit
}

// Stats is what an instance has used so far.
type Stats struct {
	CPU         time.Duration // processor time since the start
	Memory      int64         // bytes in use, without the page cache that can be dropped
	MemoryLimit int64         // bytes
	Disk        int64         // bytes of ephemeral disk in use
	Processes   int
}

// Line is one line of an instance's output.
type Line struct {
	Time   time.Time // to the millisecond
	Stream string    // "stdout" or "stderr"
	Text   string    // without its line end; at most 16 KiB, longer lines are cut in pieces
}

// Engine runs instances. All methods may be called concurrently. An id that the engine does not
// know is an *Error with code NotFound. Start, Stop, Freeze, Thaw, SetCPU and Remove are idempotent.
type Engine interface {
	// Prepare makes an instance that needs only Start. Preparing the same id again returns it. A
	// command that is missing or not executable is an *Error with code BadCommand, here or in Start.
	Prepare(ctx context.Context, spec Spec) (Instance, error)
	// Start runs a prepared instance.
	Start(ctx context.Context, id string) (Instance, error)
	// Stop sends SIGTERM, and SIGKILL when the instance still runs after grace. It returns when
	// the instance has exited. A frozen instance is thawed first.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Remove stops the instance at once and forgets all of it but its logs. One that was never started
	// leaves none.
	Remove(ctx context.Context, id string) error

	// Freeze keeps the instance from running until Thaw. The engine may give back memory meanwhile that
	// can be read again.
	Freeze(ctx context.Context, id string) error
	Thaw(ctx context.Context, id string) error
	// SetCPU limits a running instance to so many units of CPU from now on. It is quick: a request may
	// wait for it.
	SetCPU(ctx context.Context, id string, units int) error

	// List returns every instance of this engine, also those that an earlier process started.
	List(ctx context.Context) ([]Instance, error)
	// Inspect returns one instance.
	Inspect(ctx context.Context, id string) (Instance, error)
	Stats(ctx context.Context, id string) (Stats, error)
	// Listening returns the TCP ports the instance's processes listen on, to explain a failed
	// health check.
	Listening(ctx context.Context, id string) ([]Listener, error)

	// Events streams changes until ctx ends. The engine connects again by itself for as long as
	// it takes; after a gap it sends the present state of every instance, so a reader that acts
	// on states, not on edges, misses nothing. Duplicates happen. The channel closes with ctx.
	Events(ctx context.Context) <-chan Event

	Logs
	Images
}

// Listener is a TCP port that a process of an instance listens on.
type Listener struct {
	Address netip.Addr // 0.0.0.0 or :: for all addresses
	Port    int
}

// Logs keeps the output of instances, bounded on disk, also after they are removed.
type Logs interface {
	// Logs returns the output of the instance written after since, oldest first. With follow it
	// goes on with new lines until ctx ends or the instance is removed.
	Logs(ctx context.Context, id string, since time.Time, follow bool) (<-chan Line, error)
	// ScanLogs visits the lines of a range, without those that come meanwhile, until visit returns
	// false. It reads no more than it has to: a text is looked for before lines are.
	ScanLogs(ctx context.Context, id string, r LogRange, visit func(LogEntry) bool) error
	// LogParts tells how much output there is and from when, oldest first.
	LogParts(ctx context.Context, id string) ([]LogPart, error)
	// TrimLogs deletes output that was written before a time, in whole parts: what is left may begin
	// earlier.
	TrimLogs(ctx context.Context, id string, before time.Time) error
	// ForgetLogs deletes the output of an instance.
	ForgetLogs(ctx context.Context, id string) error
}

// LogRange says which lines of an instance's output to scan.
type LogRange struct {
	From, To time.Time // written in [From, To); zero for no bound
	Contains string    // with this in their text; "" for all
	Newest   bool      // the newest first
}

// LogEntry is a line and its place in the output: a number that grows from line to line and never
// changes, also when older lines are deleted.
type LogEntry struct {
	Line
	Position uint64
}

// LogPart is a stretch of an instance's output.
type LogPart struct {
	First, Last time.Time // when its first and about its last line were written
	Bytes       int64
}

// Images is the engine's store of images.
type Images interface {
	// Pull makes the image present, under a name that Spec.Image takes. Layers that are present
	// are not fetched again, an interrupted pull goes on where it was, passing faults of the
	// registry are tried again.
	Pull(ctx context.Context, req PullRequest) (Image, error)
	// KeepImages deletes every image that is not in names.
	KeepImages(ctx context.Context, names []string) error
}

// PullRequest names an image in a registry.
type PullRequest struct {
	Host       string // registry host as the reference names it, "docker.io"
	Repository string // "library/nginx"
	Digest     string // pinned, "sha256:…"; the manifest or the index
	Endpoints  []Endpoint
	Progress   func(Progress) // called now and then from one goroutine; may be nil
}

// Endpoint is a server to pull from; they are tried in order.
type Endpoint struct {
	URL                string // "https://mirror.example/v2", scheme included
	Username, Password string // empty for anonymous
}

// Progress of a pull.
type Progress struct {
	Layers, LayersDone int
	Bytes, BytesDone   int64
}

// Image is an image in the engine's store.
type Image struct {
	Name         string // for Spec.Image; names the digest, so it never moves
	Digest       string // of the manifest for this platform
	Entrypoint   []string
	Command      []string
	Env          []string
	ExposedPorts []int
	Size         int64 // bytes, compressed
}

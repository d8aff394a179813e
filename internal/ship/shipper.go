package ship

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"
)

// The kinds of logs.
const (
	Application = "application"
	Events      = "events"
	Deployment  = "deployment"
	Access      = "access"
	Scaling     = "scaling"
)

// Stream is one log.
type Stream struct {
	Region    string
	Service   string // name
	ServiceID string
	Kind      string // Application, …
	Name      string // in its group: instance/<id>, deployment/<operation id>, …
	// Written is when the last line was written of a stream that is read again after each, as most are
	// silent for ever. Zero for one that is followed to its end.
	Written time.Time
}

func (s Stream) key() string { return s.ServiceID + "/" + s.Kind + "/" + s.Name }

// Line is one line of a stream.
type Line struct {
	Stream Stream
	Time   time.Time // to the millisecond
	Text   string
}

// Logs is what is shipped.
type Logs interface {
	// Streams returns all streams that there are.
	Streams(ctx context.Context) ([]Stream, error)
	// Read returns the lines of a stream written after a time, in order. One that is to be followed goes on
	// with new lines until ctx ends, or nothing will be added any more.
	Read(ctx context.Context, s Stream, since time.Time) iter.Seq2[Line, error]
}

// Sink is where lines go. Send is called by one goroutine at a time, and tries once.
type Sink interface {
	Send(ctx context.Context, lines []Line) error
	Close() error
}

// ErrRefused is in the error of a sink that will never take these lines. They are dropped.
var ErrRefused = errors.New("the lines are refused")

// Options of a Shipper. Name, File, Sink and Log must be set.
type Options struct {
	Name  string
	File  string // where it is kept how far each stream is
	Wants func(Stream) bool
	Sink  Sink
	Log   *slog.Logger
}

// Shipper sends logs to one target.
type Shipper struct {
	options Options
	logs    Logs
	places  *places
	arrived chan arrival
	follow  map[string]*follower
	running sync.WaitGroup
}

// arrival is a line that was read, or the end of a stream.
type arrival struct {
	line Line
	end  bool
}

// New makes a shipper, which begins where an earlier one with the same file ended.
func New(logs Logs, o Options) (*Shipper, error) {
	p, err := openPlaces(o.File, time.Now())
	if err != nil {
		return nil, err
	}
	return &Shipper{options: o, logs: logs, places: p, arrived: make(chan arrival), follow: map[string]*follower{}}, nil
}

// discoverEvery is how often new streams are looked for.
const discoverEvery = time.Second

// Run ships until ctx ends.
func (s *Shipper) Run(ctx context.Context) {
	s.running.Go(func() { s.send(ctx) })
	ticker := time.NewTicker(discoverEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := s.discover(ctx); err != nil && ctx.Err() == nil {
			s.options.Log.Error("logs to ship were not found", "target", s.options.Name, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	s.running.Wait()
	if err := errors.Join(s.places.save(), s.options.Sink.Close()); err != nil {
		s.options.Log.Error("the shipping of logs did not end well", "target", s.options.Name, "error", err)
	}
}

// follower is a stream that is read, or was.
type follower struct {
	at    place         // up to which it was read; touched by who reads alone
	reads chan struct{} // closed when it reads no more
	begun time.Time
	pause time.Duration // before it is read again
}

// longestPause is how seldom a stream is looked at that ended without a line: its instance may have been
// too new to have any, or gone for long.
const longestPause = time.Minute

// discover begins to read streams that are new, and forgets those that are gone.
func (s *Shipper) discover(ctx context.Context) error {
	streams, err := s.logs.Streams(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, stream := range streams {
		there[stream.key()] = true
		if !s.options.Wants(stream) || s.places.done(stream.key()) {
			continue
		}
		f := s.follow[stream.key()]
		if f == nil {
			f = &follower{at: s.places.of(stream.key()), pause: discoverEvery / 2}
			s.follow[stream.key()] = f
		} else if !f.over() || !f.again(stream) {
			continue
		}
		f.begin(time.Now())
		s.running.Go(func() { s.read(ctx, stream, f) })
	}
	for key, f := range s.follow {
		if !there[key] && f.over() {
			delete(s.follow, key)
		}
	}
	s.places.keep(there)
	return nil
}

func (f *follower) over() bool {
	select {
	case <-f.reads:
		return true
	default:
		return false
	}
}

// fresh is how old a line may seem, by the clock of the file system, that was written just now.
const fresh = 2 * time.Second

// again reports whether a stream that was read is to be read once more.
func (f *follower) again(s Stream) bool {
	if !s.Written.IsZero() {
		return s.Written.After(f.begun.Add(-fresh))
	}
	return time.Since(f.begun) >= f.pause
}

func (f *follower) begin(now time.Time) {
	f.reads, f.begun, f.pause = make(chan struct{}), now, min(2*f.pause, longestPause)
}

// read passes the lines of a stream on, from where it was read up to.
func (s *Shipper) read(ctx context.Context, stream Stream, f *follower) {
	defer close(f.reads)
	from := f.at
	skip := from.N
	for line, err := range s.logs.Read(ctx, stream, from.Time.Add(-time.Millisecond)) {
		switch {
		case err != nil:
			s.options.Log.Warn("a log to ship was not read on", "target", s.options.Name, "stream", stream.key(), "error", err)
			return
		case line.Time.Before(from.Time):
			continue
		case skip > 0 && line.Time.Equal(from.Time):
			skip--
			continue
		}
		if !s.put(ctx, arrival{line: line}) {
			return
		}
		f.at = f.at.after(line)
	}
	if f.at.N > 0 && ctx.Err() == nil && stream.Written.IsZero() {
		s.put(ctx, arrival{line: Line{Stream: stream}, end: true})
	}
}

func (s *Shipper) put(ctx context.Context, a arrival) bool {
	select {
	case s.arrived <- a:
		return true
	case <-ctx.Done():
		return false
	}
}

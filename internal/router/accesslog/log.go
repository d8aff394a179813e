package accesslog

import (
	"bytes"
	"log/slog"
	"sync"
	"time"
)

// Sink keeps lines, each with its line end.
type Sink interface {
	Keep(serviceID, name string, lines []byte) error
}

// Options of a Log. All may be left zero.
type Options struct {
	Lines int           // of a service in a second, beyond which a share is logged; 1,000
	Delay time.Duration // until a line is written; 250 ms
	Room  int           // bytes in memory of lines of a service; 1 MiB
	Query bool          // log queries, which may have secrets in them
	Log   *slog.Logger
}

func (o *Options) defaults() {
	if o.Lines <= 0 {
		o.Lines = 1000
	}
	if o.Delay <= 0 {
		o.Delay = 250 * time.Millisecond
	}
	if o.Room <= 0 {
		o.Room = 1 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Log is the access logs of all services.
type Log struct {
	sink    Sink
	options Options
	wake    chan struct{}
	hurry   chan struct{} // closed when lines are written at once
	stop    chan struct{}
	stopped sync.WaitGroup

	mu      sync.Mutex
	filled  []*Writer // have lines that are not written
	hurried bool
	closed  bool
}

// New begins to write to sink. Close ends it.
func New(sink Sink, o Options) *Log {
	o.defaults()
	l := &Log{sink: sink, options: o, wake: make(chan struct{}, 1), hurry: make(chan struct{}), stop: make(chan struct{})}
	l.stopped.Go(l.run)
	return l
}

// Service returns what logs the requests of a service.
func (l *Log) Service(id, name string) *Writer {
	return &Writer{log: l, id: id, name: name, every: 1}
}

// run writes what there is a while after the first line of it. Without lines it sleeps.
func (l *Log) run() {
	for spare := []byte(nil); ; {
		select {
		case <-l.stop:
			return
		case <-l.wake:
		}
		select {
		case <-l.stop:
			return
		case <-l.hurry:
		case <-time.After(l.options.Delay):
		}
		spare = l.flush(spare)
	}
}

// Hurry has lines written as soon as they are there, those that wait among them.
func (l *Log) Hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.hurried {
		l.hurried = true
		close(l.hurry)
	}
}

// Close writes what is left. Lines that come later are lost.
func (l *Log) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	close(l.stop)
	l.stopped.Wait()
	l.flush(nil)
	return nil
}

// fill is told that a writer has lines.
func (l *Log) fill(w *Writer) {
	l.mu.Lock()
	l.filled = append(l.filled, w)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// flush writes the lines of all services. Spare is memory for the next lines; it returns some for later.
func (l *Log) flush(spare []byte) []byte {
	l.mu.Lock()
	filled := l.filled
	l.filled = nil
	l.mu.Unlock()
	for _, w := range filled {
		lines := w.take(spare)
		if err := l.sink.Keep(w.id, w.name, lines); err != nil {
			lost := bytes.Count(lines, []byte{'\n'})
			w.lose(lost)
			l.options.Log.Warn("lines of an access log are lost", "service", w.name, "lines", lost, "error", err)
		}
		spare = lines[:0]
	}
	return spare
}

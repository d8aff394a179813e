package telemetry

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

// fileSource is a stream of the service group.
type fileSource struct {
	cursor cursor
	since  time.Time
}

func (s *fileSource) close() { s.cursor.close() }

func (s *fileSource) wanted(line Line) bool { return s.since.IsZero() || line.Time.After(s.since) }

func (s *fileSource) history(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for ctx.Err() == nil {
			line, ok, err := s.cursor.next()
			if err != nil {
				yield(Line{}, err)
				return
			}
			if !ok || s.wanted(line) && !yield(line, nil) {
				return
			}
		}
	}
}

func (s *fileSource) follow(ctx context.Context, send func(Line) bool) error {
	for {
		changed, deleted := s.cursor.stream.watch() // before reading, or a line is missed
		for line, err := range s.history(ctx) {
			if err != nil {
				return err
			}
			if !send(line) {
				return nil
			}
		}
		if deleted {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// outputSource is the output of an instance. The engine has no reading that first returns what
// is there, says so, and goes on: history and follow are two readings, and follow passes over
// what history had.
type outputSource struct {
	output engine.Logs
	id     string
	name   string
	since  time.Time

	last time.Time // of the last line that history had
	seen int       // lines of history with that time
}

func (s *outputSource) close() {}

func (s *outputSource) history(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		lines, err := s.output.Logs(ctx, s.id, s.since, false)
		if engine.Is(err, engine.NotFound) { // not started yet, or forgotten
			return
		}
		if err != nil {
			yield(Line{}, fmt.Errorf("read output of instance %q: %w", s.id, err))
			return
		}
		for line := range lines {
			if !line.Time.Equal(s.last) {
				s.last, s.seen = line.Time, 0
			}
			s.seen++
			if !yield(s.line(line), nil) {
				return
			}
		}
	}
}

func (s *outputSource) follow(ctx context.Context, send func(Line) bool) error {
	since := s.since
	if s.seen > 0 { // lines after history may have the time of its last line
		if before := s.last.Add(-time.Millisecond); before.After(since) {
			since = before
		}
	}
	lines, err := s.output.Logs(ctx, s.id, since, true)
	if engine.Is(err, engine.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("follow output of instance %q: %w", s.id, err)
	}
	for line := range lines {
		if s.seen > 0 && !line.Time.After(s.last) {
			if line.Time.Equal(s.last) {
				s.seen--
			}
			continue
		}
		if !send(s.line(line)) {
			return nil
		}
	}
	return nil
}

func (s *outputSource) line(l engine.Line) Line {
	return Line{Time: l.Time, Stream: s.name, Text: l.Text}
}

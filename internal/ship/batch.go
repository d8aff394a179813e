package ship

import (
	"context"
	"errors"
	"time"
)

// Bounds of what is sent at a time.
const (
	batchLines = 1000
	batchBytes = 1 << 20
	batchDelay = time.Second // after its first line
	sendTime   = 30 * time.Second
	savePause  = 2 * time.Second // between two writes of the places
	maxRetry   = time.Minute     // between two attempts
)

// batch is lines that are sent together, and the streams that end with them.
type batch struct {
	lines []Line
	ended []Stream
	bytes int
}

func (b *batch) add(a arrival) {
	if a.end {
		b.ended = append(b.ended, a.line.Stream)
		return
	}
	b.lines = append(b.lines, a.line)
	b.bytes += len(a.line.Text)
}

func (b *batch) full() bool { return len(b.lines) >= batchLines || b.bytes >= batchBytes }

// send sends what arrives until ctx ends.
func (s *Shipper) send(ctx context.Context) {
	saved := time.Now()
	for {
		b, ok := s.gather(ctx)
		if !ok || !s.insist(ctx, b.lines) {
			return
		}
		s.places.advance(b)
		if time.Since(saved) < savePause {
			continue
		}
		saved = time.Now()
		if err := s.places.save(); err != nil {
			s.options.Log.Error("how far logs are shipped was not noted", "target", s.options.Name, "error", err)
		}
	}
}

// gather waits for a line and what comes soon after it. It is false when ctx ends first.
func (s *Shipper) gather(ctx context.Context) (batch, bool) {
	var b batch
	select {
	case a := <-s.arrived:
		b.add(a)
	case <-ctx.Done():
		return b, false
	}
	late := time.NewTimer(batchDelay)
	defer late.Stop()
	for !b.full() {
		select {
		case a := <-s.arrived:
			b.add(a)
		case <-late.C:
			return b, true
		case <-ctx.Done():
			return b, true // the target may still take them
		}
	}
	return b, true
}

// insist sends lines until the target has them, or will never take them. It is false when ctx ends first.
func (s *Shipper) insist(ctx context.Context, lines []Line) bool {
	if len(lines) == 0 {
		return true
	}
	for pause := time.Second; ; pause = min(2*pause, maxRetry) {
		err := s.try(ctx, lines)
		switch {
		case err == nil:
			return true
		case errors.Is(err, ErrRefused):
			s.options.Log.Error("lines of logs were dropped: the target does not take them", "target", s.options.Name, "lines", len(lines), "error", err)
			return true
		case ctx.Err() != nil:
			return false
		}
		s.options.Log.Warn("logs were not shipped", "target", s.options.Name, "lines", len(lines), "next_in", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
}

// lastTime is how long the last lines may take when ctx has ended.
const lastTime = 2 * time.Second

func (s *Shipper) try(ctx context.Context, lines []Line) error {
	limit := sendTime
	if ctx.Err() != nil {
		limit = lastTime
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	return s.options.Sink.Send(ctx, lines)
}

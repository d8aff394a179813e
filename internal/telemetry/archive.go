package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/logs"
)

var _ logs.Archive = (*Log)(nil)

// Describe returns the streams of a log group by name, without what is older than its retention.
func (l *Log) Describe(ctx context.Context, group string) ([]logs.Stream, error) {
	s, k, err := parseGroup(group)
	if err != nil {
		return nil, err
	}
	r, err := l.existing(s)
	if err != nil {
		return nil, fmt.Errorf("log group %q: %w", group, err)
	}
	var streams []logs.Stream
	if k == serviceGroup {
		streams, err = l.describeStored(r)
	} else {
		streams, err = l.describeInstances(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	cut, err := l.cut(r, k)
	if err != nil {
		return nil, err
	}
	for i := range streams {
		streams[i].Parts = slices.DeleteFunc(streams[i].Parts, func(p logs.Part) bool { return p.Last.Before(cut) })
	}
	slices.SortFunc(streams, func(a, b logs.Stream) int { return strings.Compare(a.Name, b.Name) })
	return streams, nil
}

func (l *Log) describeInstances(ctx context.Context, r *record) ([]logs.Stream, error) {
	instances, err := l.instances(r)
	if err != nil {
		return nil, err
	}
	var streams []logs.Stream
	for _, in := range instances {
		parts, err := l.output.LogParts(ctx, in.ID)
		if err != nil && !engine.Is(err, engine.NotFound) {
			return nil, fmt.Errorf("output of instance %q: %w", in.ID, err)
		}
		stream := logs.Stream{Name: InstanceStream + in.ID, Created: in.Started}
		for _, p := range parts {
			stream.Parts = append(stream.Parts, logs.Part(p))
		}
		streams = append(streams, stream)
	}
	return streams, nil
}

func (l *Log) describeStored(r *record) ([]logs.Stream, error) {
	infos, err := l.stored(r)
	if err != nil {
		return nil, err
	}
	var streams []logs.Stream
	for _, info := range infos {
		st, err := l.streamOf(r, info.Name)
		if err != nil {
			return nil, err
		}
		parts, err := st.parts()
		if err != nil {
			return nil, err
		}
		stream := logs.Stream{Name: info.Name, Parts: parts}
		stream.Created = stream.First()
		streams = append(streams, stream)
	}
	return streams, nil
}

func (l *Log) streamOf(r *record, name string) (*stream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st, _, err := l.streamLocked(r, name)
	return st, err
}

// parts describes the segments that have a line.
func (s *stream) parts() ([]logs.Part, error) {
	numbers, err := s.numbers()
	if err != nil {
		return nil, err
	}
	var parts []logs.Part
	for _, n := range numbers {
		p, err := partOf(s.file(n))
		if err != nil {
			return nil, err
		}
		if p.Bytes > 0 {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// partOf describes a segment; one that was deleted meanwhile, or has no line, has no bytes.
func partOf(file string) (p logs.Part, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return p, fmt.Errorf("read log: %w", err)
	}
	head := make([]byte, len(timeLayout)+1)
	if n, _ := f.ReadAt(head, 0); n < len(head) {
		return p, nil
	}
	first, _, err := parseLine(string(head))
	if err != nil { // damaged: all that is known is when it was written to
		first = info.ModTime()
	}
	return logs.Part{First: first, Last: info.ModTime().UTC(), Bytes: info.Size()}, nil
}

// Scan visits events of a stream until visit returns false. A stream that is not there has none, nor has
// one what is older than the retention of its group.
func (l *Log) Scan(ctx context.Context, group, stream string, rng logs.Range, visit func(logs.Event) bool) error {
	s, k, err := parseGroup(group)
	if err != nil {
		return err
	}
	r, err := l.existing(s)
	if err != nil {
		return fmt.Errorf("log group %q: %w", group, err)
	}
	cut, err := l.cut(r, k)
	if err != nil {
		return err
	}
	if rng.From.Before(cut) {
		rng.From = cut
	}
	if k == serviceGroup {
		st, err := l.streamOf(r, stream)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return st.scan(ctx, stream, rng, visit)
	}
	id, ok := strings.CutPrefix(stream, InstanceStream)
	instances, err := l.instances(r)
	if err != nil || !ok || !slices.ContainsFunc(instances, func(in instance) bool { return in.ID == id }) {
		return err
	}
	err = l.output.ScanLogs(ctx, id, engine.LogRange(rng), func(e engine.LogEntry) bool {
		return visit(logs.Event{Time: e.Time, Stream: stream, Text: e.Text, Position: e.Position})
	})
	if engine.Is(err, engine.NotFound) { // nothing was written, or it is forgotten
		return nil
	}
	return err
}

// positionBits are the bits of a position that have the offset in a segment.
const positionBits = 32

// scan visits lines of the segments. They are small, so each is read as a whole.
func (s *stream) scan(ctx context.Context, name string, r logs.Range, visit func(logs.Event) bool) error {
	numbers, err := s.numbers()
	if err != nil {
		return err
	}
	if r.Newest {
		slices.Reverse(numbers)
	}
	for _, n := range numbers {
		data, err := os.ReadFile(s.file(n))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read log: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !scanSegment(data, uint64(n)<<positionBits, name, r, visit) {
			return nil
		}
	}
	return nil
}

// scanSegment visits the whole lines of a segment that are in the range. It reports whether to go on.
func scanSegment(data []byte, position uint64, name string, r logs.Range, visit func(logs.Event) bool) bool {
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	for low, high := 0, len(data); low < high; {
		start, end := low, low+bytes.IndexByte(data[low:high], '\n')
		if r.Newest {
			start, end = low+bytes.LastIndexByte(data[low:high-1], '\n')+1, high-1
			high = start
		} else {
			low = end + 1
		}
		at, text, err := parseLine(string(data[start:end]))
		if err != nil || at.Before(r.From) || !r.To.IsZero() && !at.Before(r.To) || !strings.Contains(text, r.Contains) {
			continue
		}
		if !visit(logs.Event{Time: at, Stream: name, Text: text, Position: position + uint64(start)}) {
			return false
		}
	}
	return true
}

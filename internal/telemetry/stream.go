package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stream is a log stream in files <path>.<number>.log. Lines are added to the segment with the
// highest number; a full one is followed by the next number, and the oldest is deleted. Segments
// never change their name, so a reader cannot lose its place.
type stream struct {
	path     string
	size     int64 // at which a segment is full
	segments int   // that are kept
	parse    func(line string) (time.Time, string, error)

	mu      sync.Mutex
	opened  bool // active and length are known, and a torn line is cut off
	active  int
	length  int64
	deleted bool
	changed chan struct{} // closed and replaced when there is something new
}

func newStream(path string, size int64, segments int) *stream {
	return &stream{path: path, size: size, segments: segments, parse: parseLine, changed: make(chan struct{})}
}

func (s *stream) file(segment int) string { return fmt.Sprintf("%s.%06d.log", s.path, segment) }

// append adds a line. It is in the file when append returns.
func (s *stream) append(now time.Time, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return fmt.Errorf("write log %q: %w", s.path, ErrNotFound)
	}
	if err := s.openLocked(); err != nil {
		return err
	}
	for _, piece := range pieces(text) {
		if err := s.writeLocked(formatLine(now, piece)); err != nil {
			return err
		}
	}
	s.notifyLocked()
	return nil
}

// appendLines adds lines that have their ends, which are in the files when it returns.
func (s *stream) appendLines(lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return fmt.Errorf("write log %q: %w", s.path, ErrNotFound)
	}
	if err := s.openLocked(); err != nil {
		return err
	}
	if err := s.writeLocked(lines); err != nil {
		return err
	}
	s.notifyLocked()
	return nil
}

// openLocked finds the active segment and cuts off what a crash left of a line.
func (s *stream) openLocked() error {
	if s.opened {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("write log %q: %w", s.path, err)
	}
	numbers, err := s.numbers()
	if err != nil {
		return err
	}
	s.active, s.length = 1, 0
	if len(numbers) > 0 {
		s.active = numbers[len(numbers)-1]
		if s.length, err = repair(s.file(s.active)); err != nil {
			return err
		}
	}
	s.opened = true
	return nil
}

// repair cuts a file after its last line end and returns its length.
func repair(file string) (int64, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("repair log: %w", err)
	}
	whole := int64(bytes.LastIndexByte(content, '\n') + 1)
	if whole < int64(len(content)) {
		if err := os.Truncate(file, whole); err != nil {
			return 0, fmt.Errorf("repair log: %w", err)
		}
	}
	return whole, nil
}

func (s *stream) writeLocked(line []byte) error {
	if s.length > 0 && s.length+int64(len(line)) > s.size {
		s.active, s.length = s.active+1, 0
		if err := s.pruneLocked(); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(s.file(s.active), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	if _, err := f.Write(line); err != nil {
		// A full disk may take half a line: the next one must not follow it.
		return errors.Join(fmt.Errorf("write log: %w", err), f.Truncate(s.length), f.Close())
	}
	s.length += int64(len(line))
	if err := f.Close(); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	return nil
}

// pruneLocked makes room for a new active segment.
func (s *stream) pruneLocked() error {
	numbers, err := s.numbers()
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if n <= s.active-s.segments {
			if err := os.Remove(s.file(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("bound log: %w", err)
			}
		}
	}
	return nil
}

// numbers returns the segments that exist, in order.
func (s *stream) numbers() ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(s.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list segments of log %q: %w", s.path, err)
	}
	var numbers []int
	for _, e := range entries {
		if base, n, ok := segmentOf(e.Name()); ok && base == filepath.Base(s.path) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// segmentOf takes the file name of a segment apart.
func segmentOf(file string) (base string, number int, ok bool) {
	rest, isLog := strings.CutSuffix(file, ".log")
	base, digits, found := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	return base, n, isLog && found && err == nil && n > 0
}

// remove deletes the stream; its readers come to an end.
func (s *stream) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers, err := s.numbers()
	for _, n := range numbers {
		if e := os.Remove(s.file(n)); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("delete log: %w", e))
		}
	}
	s.deleted = err == nil
	s.notifyLocked()
	return err
}

func (s *stream) notifyLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// watch returns a channel that closes with the next change, and whether the stream is deleted.
func (s *stream) watch() (<-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed, s.deleted
}

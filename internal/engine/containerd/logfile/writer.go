package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Writer writes lines of several streams. A full disk loses lines, but never holds up or fails the
// process that wrote them.
type Writer struct {
	dir     string
	maxSize int64
	keep    int
	now     func() time.Time

	lock *os.File // the directory, locked for as long as this process writes to it

	mu   sync.Mutex
	file *os.File
	n    int   // number of the file
	size int64 // of the file
	last time.Time
	buf  []byte
}

// NewWriter goes on in the directory where an earlier writer left off. It keeps at most keep files
// of about maxSize bytes each.
func NewWriter(dir string, maxSize int64, keep int) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create log directory: %w", err)
	}
	list, err := numbers(dir)
	if err != nil {
		return nil, fmt.Errorf("list log files: %w", err)
	}
	lock, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	// Shared: it tells that somebody writes, and keeps nobody out.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH); err != nil {
		return nil, errors.Join(fmt.Errorf("lock log directory: %w", err), lock.Close())
	}
	w := &Writer{dir: dir, maxSize: maxSize, keep: max(keep, 1), now: time.Now, n: 1, lock: lock}
	if len(list) > 0 {
		w.n = list[len(list)-1]
	}
	if err := w.open(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return w, nil
}

// Await returns when nobody writes to the directory: all that will come has come. A writer that
// was killed does not write either.
func Await(ctx context.Context, dir string) error {
	f, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open log directory: %w", err)
	}
	defer f.Close()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("look for a writer of logs: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of output: %w", context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

func (w *Writer) open() error {
	f, err := os.OpenFile(fileName(w.dir, w.n), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open log file: %w", err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return errors.Join(fmt.Errorf("open log file: %w", err), f.Close())
	}
	if size > 0 { // an earlier writer may have been killed in the middle of a line
		end := make([]byte, 1)
		if _, err := f.ReadAt(end, size-1); err == nil && end[0] != '\n' {
			n, _ := f.Write([]byte{'\n'})
			size += int64(n)
		}
	}
	w.file, w.size = f, size
	return nil
}

// write stores lines with the present time.
func (w *Writer) write(stream Stream, texts [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// A clock that was set back must not mix up the order of lines.
	if now := w.now().Truncate(time.Millisecond); now.After(w.last) {
		w.last = now
	}
	w.buf = w.buf[:0]
	for _, text := range texts {
		w.buf = Line{Time: w.last, Stream: stream, Text: string(text)}.append(w.buf)
	}
	if w.size > 0 && w.size+int64(len(w.buf)) > w.maxSize {
		w.rotate()
	}
	n, _ := w.file.Write(w.buf)
	w.size += int64(n)
	if n > 0 && n < len(w.buf) { // the disk is full: end the broken line, if that is possible
		m, _ := w.file.Write([]byte{'\n'})
		w.size += int64(m)
	}
}

// rotate begins the next file and drops the oldest. If it cannot, the present file grows on.
func (w *Writer) rotate() {
	old := w.file
	w.n++
	if err := w.open(); err != nil {
		w.n--
		return
	}
	_ = old.Close()
	list, err := numbers(w.dir)
	if err != nil {
		return
	}
	for _, n := range list {
		if n <= w.n-w.keep {
			_ = os.Remove(fileName(w.dir, n))
		}
	}
}

// Close ends writing.
func (w *Writer) Close() error { return errors.Join(w.file.Close(), w.lock.Close()) }

// Copy writes all lines that r has, until its end. A last line without a line end counts.
func (w *Writer) Copy(stream Stream, r io.Reader) error {
	s := splitter{buf: make([]byte, 0, 4*MaxText)}
	for {
		free := s.buf[len(s.buf):cap(s.buf)]
		n, err := r.Read(free)
		s.buf = s.buf[:len(s.buf)+n]
		if lines := s.lines(err != nil); len(lines) > 0 {
			w.write(stream, lines)
		}
		s.compact()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read output: %w", err)
		}
	}
}

// splitter cuts a stream of bytes in lines.
type splitter struct {
	buf  []byte
	done int // bytes of buf that were returned
}

// lines returns the lines that are complete. They are valid until compact.
func (s *splitter) lines(end bool) [][]byte {
	var lines [][]byte
	for {
		rest := s.buf[s.done:]
		i := bytes.IndexByte(rest[:min(len(rest), MaxText+1)], '\n')
		switch {
		case i >= 0:
			lines = append(lines, bytes.TrimSuffix(rest[:i], []byte{'\r'}))
			s.done += i + 1
		case len(rest) > MaxText:
			lines = append(lines, rest[:MaxText])
			s.done += MaxText
		case end && len(rest) > 0:
			lines = append(lines, rest)
			s.done = len(s.buf)
			return lines
		default:
			return lines
		}
	}
}

// compact moves what is left to the front, so that there is room to read.
func (s *splitter) compact() {
	n := copy(s.buf, s.buf[s.done:])
	s.buf, s.done = s.buf[:n], 0
}

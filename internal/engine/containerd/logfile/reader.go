package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Reader reads the lines of a directory in their order, across files, also while they are written.
type Reader struct {
	dir  string
	file *os.File
	n    int // number of the file
	buf  []byte
	off  int // bytes of buf that were returned
}

// NewReader begins with the oldest line that is kept.
func NewReader(dir string) *Reader { return &Reader{dir: dir} }

// Next returns the next line. At the end of what is written it returns io.EOF, and may be called
// again later.
func (r *Reader) Next() (Line, error) {
	for {
		if line, ok := r.buffered(); ok {
			return line, nil
		}
		err := r.fill()
		if errors.Is(err, io.EOF) {
			err = r.advance()
		}
		if err != nil {
			return Line{}, err
		}
	}
}

// buffered returns the next line of what was read, leaving out what is damaged.
func (r *Reader) buffered() (Line, bool) {
	for {
		i := bytes.IndexByte(r.buf[r.off:], '\n')
		if i < 0 {
			return Line{}, false
		}
		line, ok := parse(r.buf[r.off : r.off+i])
		r.off += i + 1
		if ok {
			return line, true
		}
	}
}

// fill reads more of the present file.
func (r *Reader) fill() error {
	if r.file == nil {
		return io.EOF
	}
	n := copy(r.buf, r.buf[r.off:])
	r.buf, r.off = r.buf[:n], 0
	if cap(r.buf)-n < 4096 {
		bigger := make([]byte, n, max(2*cap(r.buf), 64<<10))
		copy(bigger, r.buf)
		r.buf = bigger
	}
	m, err := r.file.Read(r.buf[n:cap(r.buf)])
	r.buf = r.buf[:n+m]
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read log file: %w", err)
	}
	return err
}

// advance goes on to the next file, if there is one. The writer begins it after its last line to
// the one before, so that is read to its end once more.
func (r *Reader) advance() error {
	list, err := numbers(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("list log files: %w", err)
	}
	for _, n := range list {
		if n <= r.n {
			continue
		}
		if err := r.fill(); !errors.Is(err, io.EOF) {
			return err // there was more, or a failure
		}
		f, err := os.Open(fileName(r.dir, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue // dropped meanwhile
		}
		if err != nil {
			return fmt.Errorf("open log file: %w", err)
		}
		_ = r.Close()
		// What is left of the old file is a line that was cut off by a crash.
		r.file, r.n, r.buf, r.off = f, n, r.buf[:0], 0
		return nil
	}
	return io.EOF
}

// Close closes the present file.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

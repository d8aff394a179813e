package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// cursor reads a stream forward while it is written.
type cursor struct {
	stream  *stream
	name    string // of the stream, for its lines
	segment int    // 0 before the first
	file    *os.File
	pending []byte // read but not yet returned
	scratch [32 << 10]byte
}

func (c *cursor) close() {
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
}

// next returns the next line; false means that there is none now. Lines that do not parse, which
// only damage from outside makes, are passed over.
func (c *cursor) next() (Line, bool, error) {
	for {
		if end := bytes.IndexByte(c.pending, '\n'); end >= 0 {
			at, text, err := c.stream.parse(string(c.pending[:end]))
			c.pending = c.pending[end+1:]
			if err != nil {
				continue
			}
			return Line{Time: at, Stream: c.name, Text: text}, true, nil
		}
		more, err := c.fill()
		if !more || err != nil {
			return Line{}, false, err
		}
	}
}

// fill reads on, into the next segment when this one has ended; false means there is no more.
func (c *cursor) fill() (bool, error) {
	// The next segment is looked for before this one is read to its end: it is begun only after
	// the last line of this one, so whatever this one will ever have is read before going on.
	next, err := c.following()
	if err != nil {
		return false, err
	}
	if c.file != nil {
		n, err := c.file.Read(c.scratch[:])
		if n > 0 {
			c.pending = append(bytes.Clone(c.pending), c.scratch[:n]...)
			return true, nil
		}
		if err != nil && err != io.EOF {
			return false, fmt.Errorf("read log: %w", err)
		}
	}
	if next == 0 {
		return false, nil
	}
	return true, c.open(next)
}

// following returns the number of the segment after the present one, 0 when there is none.
func (c *cursor) following() (int, error) {
	numbers, err := c.stream.numbers()
	if err != nil {
		return 0, err
	}
	for _, n := range numbers {
		if n > c.segment {
			return n, nil
		}
	}
	return 0, nil
}

// open goes on with another segment. One that was deleted meanwhile is skipped.
func (c *cursor) open(segment int) error {
	c.close()
	c.segment, c.pending = segment, nil
	f, err := os.Open(c.stream.file(segment))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	c.file = f
	return nil
}

package http1

import (
	"errors"
	"io"
)

// Stream is a reader with a buffer that heads and bodies are parsed in.
type Stream struct {
	From io.Reader
	Buf  []byte // all of it may be used; it grows for heads only
	r, w int    // what is read and not yet used is Buf[r:w]
}

// Buffered is what is read and not used.
func (s *Stream) Buffered() []byte { return s.Buf[s.r:s.w] }

// Skip uses up the first n bytes of what is buffered.
func (s *Stream) Skip(n int) {
	if s.r += n; s.r == s.w {
		s.r, s.w = 0, 0
	}
}

// Fill reads once, after what is buffered. The bytes move to the front if there is no space behind
// them; a full buffer is ErrTooLarge.
func (s *Stream) Fill() error {
	if s.w == len(s.Buf) {
		if s.r == 0 && s.w > 0 {
			return ErrTooLarge
		}
		s.w = copy(s.Buf, s.Buf[s.r:s.w])
		s.r = 0
	}
	n, err := s.From.Read(s.Buf[s.w:])
	s.w += n
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// Cut takes what is buffered after the first n bytes out of the stream. It is valid until the stream is
// filled.
func (s *Stream) Cut(n int) []byte {
	rest := s.Buf[s.r+n : s.w]
	s.w = s.r + n
	return rest
}

// Put adds bytes to what is buffered.
func (s *Stream) Put(b []byte) {
	if free := len(s.Buf) - s.w; free < len(b) {
		s.Buf = append(s.Buf, make([]byte, len(b)-free)...)
	}
	s.w += copy(s.Buf[s.w:], b)
}

// ReadHead reads until a head is whole, and returns its length: the head is the first n bytes of
// Buffered until something is skipped. The buffer grows up to limit bytes. Before it waits for more it calls wait.
// io.EOF means that there was not one byte.
func (s *Stream) ReadHead(limit int, strict bool, wait func() error) (n int, err error) {
	for seen := 0; ; {
		if n, err = HeadEnd(s.Buffered(), seen, strict); n > 0 || err != nil {
			return n, err
		}
		seen = s.w - s.r
		if seen == len(s.Buf) {
			if seen >= limit {
				return 0, ErrTooLarge
			}
			s.Buf = append(s.Buf, make([]byte, min(len(s.Buf), limit-seen))...)
		}
		if wait != nil {
			if err := wait(); err != nil {
				return 0, err
			}
		}
		if err := s.Fill(); err != nil {
			if errors.Is(err, io.EOF) && seen > 0 {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

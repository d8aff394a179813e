package http1

import (
	"bytes"
	"errors"
	"io"
)

// Framing is how the end of a body is found.
type Framing uint8

// The framings.
const (
	NoBody Framing = iota
	FramedByLength
	Chunked
	UntilClose // responses only
)

const (
	maxSizeLine = 256     // of a chunk's size with its extensions
	maxTrailer  = 8 << 10 // of all trailers
	// maxExtension bounds the bytes of chunk extensions in a body: they cost work and mean nothing.
	maxExtension = 16 << 10
)

// Body reads a body from a stream, piece by piece.
type Body struct {
	framing   Framing
	strict    bool
	left      int64 // of the body, or of the chunk
	inChunk   bool  // the end of a chunk's data is to come
	done      bool
	extension int

	Trailer []Field // of a chunked body that has ended; valid until the stream is used
	fields  []Field
}

// Reset begins a body. A strict one is a request's.
func (b *Body) Reset(f Framing, length int64, strict bool) {
	*b = Body{framing: f, strict: strict, done: f == NoBody, fields: b.fields[:0]}
	if f == FramedByLength {
		b.left = length
	}
}

// Done reports whether the body has ended.
func (b *Body) Done() bool { return b.done }

// Next returns the next piece of what is buffered, which the stream has skipped: it is valid until the
// stream is filled. It is empty when the stream has to be filled first, and comes with io.EOF at the end.
func (b *Body) Next(s *Stream) ([]byte, error) {
	if b.done {
		return nil, io.EOF
	}
	switch b.framing {
	case FramedByLength:
		return b.take(s)
	case Chunked:
		return b.chunk(s)
	case trailers:
		return nil, b.trailer(s)
	}
	piece := s.Buffered()
	s.Skip(len(piece))
	return piece, nil
}

// take returns what is buffered of the b.left bytes that belong together.
func (b *Body) take(s *Stream) ([]byte, error) {
	piece := s.Buffered()
	if int64(len(piece)) > b.left {
		piece = piece[:b.left]
	}
	s.Skip(len(piece))
	b.left -= int64(len(piece))
	if b.left == 0 && b.framing == FramedByLength {
		b.done = true
		return piece, io.EOF
	}
	return piece, nil
}

func (b *Body) chunk(s *Stream) ([]byte, error) {
	for b.left == 0 {
		if b.inChunk {
			if ok, err := b.chunkEnd(s); !ok {
				return nil, err
			}
		}
		size, ok, err := b.size(s)
		if !ok {
			return nil, err
		}
		if size == 0 {
			b.framing = trailers
			return nil, b.trailer(s)
		}
		b.left, b.inChunk = size, true
	}
	return b.take(s)
}

// trailers is the framing of a chunked body after its last chunk.
const trailers Framing = 255

// chunkEnd takes the end of line after a chunk's data.
func (b *Body) chunkEnd(s *Stream) (bool, error) {
	have := s.Buffered()
	switch {
	case len(have) == 0, len(have) == 1 && have[0] == '\r':
		return false, nil
	case have[0] == '\r' && have[1] == '\n':
		s.Skip(2)
	case !b.strict && have[0] == '\n':
		s.Skip(1)
	default:
		return false, errChunkEnd
	}
	b.inChunk = false
	return true, nil
}

// size reads the line before a chunk's data. Extensions are for the hop they come from.
func (b *Body) size(s *Stream) (n int64, ok bool, err error) {
	have := s.Buffered()
	lf := bytes.IndexByte(have, '\n')
	if lf < 0 {
		if len(have) > maxSizeLine {
			return 0, false, errChunkSize
		}
		return 0, false, nil
	}
	l := have[:lf]
	switch {
	case lf > maxSizeLine:
		return 0, false, errChunkSize
	case lf > 0 && l[lf-1] == '\r':
		l = l[:lf-1]
	case b.strict:
		return 0, false, errLineEnd
	}
	if n, err = b.parseSize(l); err != nil {
		return 0, false, err
	}
	s.Skip(lf + 1)
	return n, true, nil
}

func (b *Body) parseSize(l []byte) (n int64, err error) {
	if semicolon := bytes.IndexByte(l, ';'); semicolon >= 0 {
		if b.extension += len(l) - semicolon; b.extension > maxExtension || !all(l, &isValue) {
			return 0, errChunkSize
		}
		l = l[:semicolon]
		for len(l) > 0 && (l[len(l)-1] == ' ' || l[len(l)-1] == '\t') {
			l = l[:len(l)-1]
		}
	} else if !b.strict {
		l = trim(l) // some applications fill up with spaces
	}
	if len(l) == 0 || len(l) > 15 {
		return 0, errChunkSize
	}
	for _, c := range l {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int64(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | int64(c|0x20-'a'+10)
		default:
			return 0, errChunkSize
		}
	}
	return n, nil
}

// trailer reads what follows the last chunk. Its error is io.EOF at the end of the body.
func (b *Body) trailer(s *Stream) error {
	have := s.Buffered()
	end, err := trailerEnd(have, b.strict)
	if end == 0 || err != nil {
		if err == nil && len(have) > maxTrailer {
			err = errTrailer
		}
		return err
	}
	if b.fields, err = parseFields(have[:end], b.fields[:0]); err != nil {
		return err
	}
	b.Trailer, b.done = b.fields, true
	s.Skip(end)
	return io.EOF
}

// trailerEnd is HeadEnd for headers without a line before them: there may be none.
func trailerEnd(b []byte, strict bool) (int, error) {
	switch {
	case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
		return 2, nil
	case len(b) > 0 && b[0] == '\n':
		if strict {
			return 0, errLineEnd
		}
		return 1, nil
	}
	return HeadEnd(b, 0, strict)
}

// Ended takes the error that a stream was filled with, when the body needs more. A body until the close
// ends with it.
func (b *Body) Ended(err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	if b.framing == UntilClose {
		b.done = true
		return nil
	}
	return io.ErrUnexpectedEOF
}

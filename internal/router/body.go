package router

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// replayLimit is the largest body that is read ahead of a wait, in bytes. A body that was read
// can be sent twice, and only then does net/http notice that a waiting client left.
const replayLimit = 64 << 10

var errBodyClosed = errors.New("the attempt that this body belongs to is over")

// The life of an attemptBody.
const (
	bodyFresh int32 = iota
	bodyRead
	bodyClosed
)

// attemptBody is a request's body for one attempt. Closing it leaves the body itself open for
// the next attempt, if nothing was read of it.
type attemptBody struct {
	from   io.Reader
	state  atomic.Int32
	failed atomic.Pointer[clientError]
	atEnd  func() // called at the end of the body, before Read returns
	copied bool   // from is a copy: reading it does not use up the body
	count  *atomic.Int64
}

func (b *attemptBody) Read(p []byte) (int, error) {
	if !b.state.CompareAndSwap(bodyFresh, bodyRead) && b.state.Load() == bodyClosed {
		return 0, errBodyClosed
	}
	n, err := b.from.Read(p)
	b.count.Add(int64(n))
	switch {
	case err == io.EOF:
		b.atEnd()
	case err != nil:
		b.failed.Store(&clientError{err})
	}
	return n, err
}

func (b *attemptBody) Close() error {
	b.state.CompareAndSwap(bodyFresh, bodyClosed)
	return nil
}

// reusable reports whether another attempt can send the whole body, and makes sure that this one
// takes nothing of it any more.
func (b *attemptBody) reusable() bool {
	return b == nil || b.copied || b.state.CompareAndSwap(bodyFresh, bodyClosed) || b.state.Load() == bodyClosed
}

// bodyFor returns the body of the next attempt at in, nil when it has none.
func (x *exchange) bodyFor(out *http.Request) *attemptBody {
	if out.Body == nil || out.Body == http.NoBody {
		return nil
	}
	x.received.Store(0)
	b := &attemptBody{from: x.in.Body, count: &x.received, atEnd: func() { copyTrailer(out, x.in) }}
	if x.replay != nil {
		b.from, b.copied = bytes.NewReader(x.replay), true
	}
	return b
}

// copyTrailer hands on the values of the trailers that the request announced. They are known
// only at the end of its body, where net/http puts them into the original.
func copyTrailer(out, in *http.Request) {
	for name := range out.Trailer {
		out.Trailer[name] = in.Trailer[name]
	}
}

// readAhead takes a small body into memory.
func (x *exchange) readAhead() error {
	if x.replay != nil || x.in.ContentLength <= 0 || x.in.ContentLength > replayLimit {
		return nil
	}
	body, err := io.ReadAll(x.in.Body)
	if err != nil {
		return &clientError{err}
	}
	x.replay = body
	return nil
}

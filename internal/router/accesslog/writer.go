package accesslog

import (
	"net/http"
	"sync"
	"time"
)

// Writer logs the requests of one service. A nil one logs nothing.
type Writer struct {
	log  *Log
	id   string
	name string

	mu     sync.Mutex
	second int64  // that the counts are of
	seen   int    // requests that are sampled
	kept   int    // of them, those that are logged
	failed int    // requests that are logged because they failed
	every  int    // one of so many is logged; a power of two
	turn   int    // until the next
	lines  []byte // not yet written
	filled bool   // the log knows of lines
	lost   int    // lines since the last that was logged
}

// Share tells whether a request that ends now is to be logged, and for how many it stands: 0 for one
// that is not.
func (w *Writer) Share(now time.Time, status int) int {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if second := now.Unix(); second != w.second {
		w.beginLocked(second)
	}
	if isFailure(status) && w.failed < w.log.options.Lines {
		w.failed++
		return 1
	}
	w.seen++
	if w.turn++; w.turn < w.every {
		return 0
	}
	w.turn = 0
	share := w.every
	if w.kept++; w.kept >= w.log.options.Lines { // more than the second before
		w.every *= 2
		w.kept /= 2
	}
	return share
}

// beginLocked expects of a second what the one before had.
func (w *Writer) beginLocked(second int64) {
	rate := w.seen
	if second != w.second+1 {
		rate = 0
	}
	for w.every = 1; rate > w.every*w.log.options.Lines; {
		w.every *= 2
	}
	w.second, w.seen, w.kept, w.failed = second, 0, 0, 0
}

// isFailure tells which requests are logged also when others are not: those that somebody looks for.
func isFailure(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}

// Write logs a request that stands for so many, as Share said.
func (w *Writer) Write(e *Entry, share int) {
	w.mu.Lock()
	full := len(w.lines) >= w.log.options.Room
	tell := false
	if full {
		w.lost++
	} else {
		w.lines = e.append(w.lines, w.name, share, w.lost, w.log.options.Query)
		w.lost = 0
		tell, w.filled = !w.filled, true
	}
	w.mu.Unlock()
	if tell {
		w.log.fill(w)
	}
}

// take returns the lines that are not written, and gives the memory of others in exchange.
func (w *Writer) take(spare []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	if cap(spare) > 4*len(lines) { // of a service that has more
		spare = nil
	}
	w.lines, w.filled = spare, false
	return lines
}

func (w *Writer) lose(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost += n
}

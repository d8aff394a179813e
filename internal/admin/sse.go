package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"time"
)

const (
	batchLines = 1000                  // in one event at most
	batchTime  = 20 * time.Millisecond // that a line waits for others at most
)

// sendEvents streams lines as server-sent events until the client leaves. What comes together goes
// together: a browser takes a thousand lines at once as fast as one. The id of an event is the time of its
// last line, so that a client that connects again goes on there.
func sendEvents(c call, lines iter.Seq2[Line, error]) error {
	ctx, stop := context.WithCancel(c.r.Context())
	ready := make(chan Line, batchLines)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	reading.Go(func() {
		defer close(ready)
		for line, err := range lines {
			select {
			case ready <- orProblem(line, err):
			case <-ctx.Done():
				return
			}
		}
	})
	eventStream(c.w)
	out := http.NewResponseController(c.w)
	for {
		if out.Flush() != nil {
			return nil
		}
		batch := nextBatch(ctx, ready)
		if len(batch) == 0 {
			return nil
		}
		data, err := json.Marshal(batch)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.w, "id: %s\ndata: %s\n\n", batch[len(batch)-1].Time.Format(time.RFC3339Nano), data); err != nil {
			return nil // the reader has left
		}
	}
}

// nextBatch waits for a line, and a little for more. It is empty when there will be none.
func nextBatch(ctx context.Context, ready <-chan Line) (batch []Line) {
	var enough <-chan time.Time
	for len(batch) < batchLines {
		select {
		case line, ok := <-ready:
			if !ok {
				return batch
			}
			batch = append(batch, line)
			if enough == nil {
				enough = time.After(batchTime)
			}
		case <-enough:
			return batch
		case <-ctx.Done():
			return nil
		}
	}
	return batch
}

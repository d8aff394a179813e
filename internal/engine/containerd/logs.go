package containerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/engine/containerd/logfile"
)

// pollLogs is how soon a follower sees a new line.
const pollLogs = 50 * time.Millisecond

// logURI tells the shim which program takes the output of an instance. Version 2 of the protocol
// is the one in which the program has to say that it is ready.
func (e *Engine) logURI(id string) string {
	u := url.URL{
		Scheme: "binary-v2",
		Path:   filepath.Join(e.opts.BinDir, "slipway-log"),
		RawQuery: url.Values{
			"-dir":   {e.logDir(id)},
			"-size":  {strconv.FormatInt(e.opts.LogFileSize, 10)},
			"-files": {strconv.Itoa(e.opts.LogFiles)},
		}.Encode(),
	}
	return u.String()
}

func (e *Engine) logDir(id string) string { return filepath.Join(e.paths.logs(), id) }

// Logs returns the output of the instance written after since, oldest first.
func (e *Engine) Logs(ctx context.Context, id string, since time.Time, follow bool) (<-chan engine.Line, error) {
	if err := e.checkLogs(id); err != nil {
		return nil, err
	}
	out := make(chan engine.Line, 64)
	go func() { // ends with ctx, the instance or the output
		defer close(out)
		r := logfile.NewReader(e.logDir(id))
		defer r.Close()
		if err := e.readLogs(ctx, id, r, since, follow, out); err != nil && ctx.Err() == nil {
			e.log.Warn("cannot read output of an instance", "id", id, "error", err)
		}
	}()
	return out, nil
}

func (e *Engine) readLogs(ctx context.Context, id string, r *logfile.Reader, since time.Time, follow bool, out chan<- engine.Line) error {
	last := !follow // nothing will be added to what is there
	for {
		line, err := r.Next()
		switch {
		case errors.Is(err, io.EOF) && last:
			return nil
		case errors.Is(err, io.EOF):
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pollLogs):
			}
			// Looked at before the next read, so that nothing is written between the two.
			_, err := os.Stat(string(e.paths.instance(id)))
			last = errors.Is(err, os.ErrNotExist)
		case err != nil:
			return err
		case line.Time.After(since):
			select {
			case out <- convertLine(line):
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func convertLine(l logfile.Line) engine.Line {
	stream := "stdout"
	if l.Stream == logfile.Stderr {
		stream = "stderr"
	}
	return engine.Line{Time: l.Time, Stream: stream, Text: l.Text}
}

// ForgetLogs deletes the output of an instance. Output that is not there is no error.
func (e *Engine) ForgetLogs(_ context.Context, id string) error {
	if !validID.MatchString(id) {
		return nil
	}
	if err := os.RemoveAll(e.logDir(id)); err != nil {
		return fmt.Errorf("delete output of instance %q: %w", id, err)
	}
	return nil
}

// ScanLogs visits lines of a range.
func (e *Engine) ScanLogs(ctx context.Context, id string, r engine.LogRange, visit func(engine.LogEntry) bool) error {
	if err := e.checkLogs(id); err != nil {
		return err
	}
	return logfile.Scan(ctx, e.logDir(id), logfile.Range(r), func(entry logfile.Entry) bool {
		return visit(engine.LogEntry{Line: convertLine(entry.Line), Position: entry.Position})
	})
}

// checkLogs refuses an instance that never had output here.
func (e *Engine) checkLogs(id string) error {
	if !validID.MatchString(id) {
		return notFound(id)
	}
	if _, err := os.Stat(e.logDir(id)); errors.Is(err, os.ErrNotExist) {
		return engine.Errorf(engine.NotFound, "there is no output of instance %q", id)
	} else if err != nil {
		return fmt.Errorf("open output of instance %q: %w", id, err)
	}
	return nil
}

// LogParts tells how much output there is and from when.
func (e *Engine) LogParts(_ context.Context, id string) ([]engine.LogPart, error) {
	if err := e.checkLogs(id); err != nil {
		return nil, err
	}
	files, err := logfile.Parts(e.logDir(id))
	if err != nil {
		return nil, fmt.Errorf("output of instance %q: %w", id, err)
	}
	parts := make([]engine.LogPart, len(files))
	for i, f := range files {
		parts[i] = engine.LogPart{First: f.First, Last: f.Last, Bytes: f.Bytes}
	}
	return parts, nil
}

// TrimLogs deletes old output, but for the file that is written to.
func (e *Engine) TrimLogs(_ context.Context, id string, before time.Time) error {
	if err := e.checkLogs(id); err != nil {
		return err
	}
	if err := logfile.Trim(e.logDir(id), before); err != nil {
		return fmt.Errorf("output of instance %q: %w", id, err)
	}
	return nil
}

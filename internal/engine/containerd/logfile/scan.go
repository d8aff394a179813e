package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Range says which lines to scan.
type Range struct {
	From, To time.Time // written in [From, To); zero for no bound
	Contains string    // with this in their text; "" for all
	Newest   bool      // the newest first
}

// Entry is a line and its place: a number that grows from line to line and never changes.
type Entry struct {
	Line
	Position uint64
}

// positionBits are the bits of a position that have the offset in a file; above is the file's number.
const positionBits = 32

// Part is one file of a directory.
type Part struct {
	First time.Time // when its first line was written
	Last  time.Time // when its last one was
	Bytes int64

	number int
}

// Parts lists the files of a directory that have lines, oldest first. One that is not there has none.
func Parts(dir string) ([]Part, error) {
	list, err := numbers(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list log files: %w", err)
	}
	var parts []Part
	for _, n := range list {
		p, err := partOf(dir, n)
		if err != nil {
			return nil, err
		}
		if p.Bytes > 0 {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

func partOf(dir string, n int) (p Part, err error) {
	f, err := os.Open(fileName(dir, n))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil // dropped meanwhile
	}
	if err != nil {
		return p, fmt.Errorf("open log file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return p, fmt.Errorf("look at log file: %w", err)
	}
	head := make([]byte, 32)
	got, _ := f.ReadAt(head, 0)
	first, ok := timeOf(head[:got])
	if !ok { // damaged at its very beginning, or empty
		_, first, ok = lineFrom(f, 0)
	}
	if !ok {
		return p, nil
	}
	p = Part{First: time.UnixMilli(first).UTC(), Last: info.ModTime().UTC(), Bytes: info.Size(), number: n}
	if p.Last.Before(p.First) { // the clock that files have is some milliseconds late
		p.Last = p.First
	}
	return p, nil
}

// Trim deletes the files whose last line was written before a time, but for the newest file, which may
// be written to.
func Trim(dir string, before time.Time) error {
	parts, err := Parts(dir)
	if err != nil {
		return err
	}
	for i, p := range parts {
		if i == len(parts)-1 || !p.Last.Before(before) {
			continue
		}
		if err := os.Remove(fileName(dir, p.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete log file: %w", err)
		}
	}
	return nil
}

// Scan visits lines until visit returns false or ctx ends. Only what is in the range is read.
func Scan(ctx context.Context, dir string, r Range, visit func(Entry) bool) error {
	parts, err := Parts(dir)
	if err != nil {
		return err
	}
	var wanted []Part
	for i, p := range parts {
		late := !r.To.IsZero() && !p.First.Before(r.To)
		early := i+1 < len(parts) && parts[i+1].First.Before(r.From)
		if !late && !early {
			wanted = append(wanted, p)
		}
	}
	if r.Newest {
		slices.Reverse(wanted)
	}
	var buffer []byte
	for _, p := range wanted {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		data, at, err := read(fileName(dir, p.number), r, buffer)
		if err != nil {
			return err
		}
		buffer = data
		if !scanData(data, uint64(p.number)<<positionBits+uint64(at), r, visit) {
			return nil
		}
	}
	return nil
}

// read returns the whole lines of a file that are in the range of time, and where they begin.
func read(file string, r Range, buffer []byte) (data []byte, at int64, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return buffer[:0], 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open log file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("look at log file: %w", err)
	}
	end := info.Size()
	if !r.To.IsZero() {
		end = seek(f, end, r.To.UnixMilli())
	}
	if !r.From.IsZero() {
		at = seek(f, end, r.From.UnixMilli())
	}
	data = slices.Grow(buffer[:0], int(end-at))[:end-at]
	n, err := f.ReadAt(data, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("read log file: %w", err)
	}
	return data[:bytes.LastIndexByte(data[:n], '\n')+1], at, nil
}

// near is how many bytes are no longer halved but read.
const near = 64 << 10

// seek finds where the first line begins that was written at a time or later.
func seek(f io.ReaderAt, end, ms int64) int64 {
	low, high := int64(0), end // lines before low are earlier, those from high on are not
	for high-low > near {
		start, at, ok := lineFrom(f, low+(high-low)/2)
		switch {
		case !ok || start >= high:
			high = low + (high-low)/2
		case at < ms:
			low = start
		default:
			high = start
		}
	}
	return low + seekIn(f, low, end, ms)
}

// seekIn is seek in what is near: it is read at once. The line that begins last may end beyond it.
func seekIn(f io.ReaderAt, low, end, ms int64) int64 {
	size := min(end-low, near+MaxText+128)
	block := make([]byte, size)
	n, _ := f.ReadAt(block, low)
	at := 0
	for at < n {
		if when, ok := timeOf(block[at:n]); ok && when >= ms {
			return int64(at)
		}
		skip := bytes.IndexByte(block[at:n], '\n') + 1
		if skip == 0 {
			break
		}
		at += skip
	}
	if low+int64(n) < end { // all of it is earlier, or no line: what follows is looked at in the same way
		if start, _, ok := lineFrom(f, low+int64(max(at, 1))); ok && start < end {
			return start - low + seekIn(f, start, end, ms)
		}
	}
	return end - low
}

// lineFrom finds the first whole line that begins at an offset or after it, and its time. One that is
// damaged is passed over.
func lineFrom(f io.ReaderAt, offset int64) (start, ms int64, ok bool) {
	chunk := make([]byte, MaxText+128)
	from := max(0, offset-1)
	n, _ := f.ReadAt(chunk, from)
	rest, start := chunk[:n], from
	if offset > 0 {
		skip := bytes.IndexByte(rest, '\n') + 1
		if skip == 0 && n < len(chunk) {
			return 0, 0, false
		}
		if skip == 0 { // in the middle of what is no line
			return lineFrom(f, from+int64(n))
		}
		rest, start = rest[skip:], from+int64(skip)
	}
	for len(rest) > 0 {
		if ms, ok := timeOf(rest); ok {
			return start, ms, true
		}
		skip := bytes.IndexByte(rest, '\n') + 1
		if skip == 0 {
			break
		}
		rest, start = rest[skip:], start+int64(skip)
	}
	if n == len(chunk) { // nothing whole in all of it: further on, from the line that the end cuts
		return lineFrom(f, max(start, offset+1))
	}
	return 0, 0, false
}

// timeOf reads the milliseconds that a line begins with.
func timeOf(line []byte) (ms int64, ok bool) {
	i := 0
	for ; i < len(line) && i < 19 && line[i] >= '0' && line[i] <= '9'; i++ {
		ms = 10*ms + int64(line[i]-'0')
	}
	ok = i > 0 && len(line) > i+2 && line[i] == ' ' && line[i+2] == ' ' && (line[i+1] == byte(Stdout) || line[i+1] == byte(Stderr))
	return ms, ok
}

// scanData visits the lines in data, which begins at a position. It reports whether to go on.
func scanData(data []byte, position uint64, r Range, visit func(Entry) bool) bool {
	needle := []byte(r.Contains)
	for low, high := 0, len(data); low < high; {
		// The next line that has the text: only where it is found are lines looked for.
		var found int
		switch {
		case len(needle) == 0 && r.Newest:
			found = high - 1
		case r.Newest:
			found = low + bytes.LastIndex(data[low:high], needle)
		default:
			found = low + bytes.Index(data[low:high], needle)
		}
		if found < low {
			return true
		}
		start := low + bytes.LastIndexByte(data[low:found], '\n') + 1
		end := found + bytes.IndexByte(data[found:high], '\n')
		line, ok := parse(data[start:end])
		if ok && strings.Contains(line.Text, r.Contains) && !visit(Entry{line, position + uint64(start)}) {
			return false
		}
		if r.Newest {
			high = start
		} else {
			low = end + 1
		}
	}
	return true
}

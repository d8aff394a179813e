package ship

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// File writes lines as JSON into a file. When it is full, it is renamed to <path>.1, that to <path>.2, and
// so on; what is moved away by another program is begun again.
type File struct {
	Path string
	Size int64 // bytes at which it is full
	Keep int   // full files that are kept
}

// fileLine is a line in the file.
type fileLine struct {
	Time      time.Time `json:"time"`
	Region    string    `json:"region"`
	Service   string    `json:"service"`
	ServiceID string    `json:"serviceId"`
	Log       string    `json:"log"`
	Stream    string    `json:"stream"`
	Text      string    `json:"text"`
}

// Send implements Sink. It opens the file each time, so that others may move it.
func (f *File) Send(_ context.Context, lines []Line) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	for _, l := range lines {
		if err := encoder.Encode(fileLine{l.Time.UTC(), l.Stream.Region, l.Stream.Service, l.Stream.ServiceID, l.Stream.Kind, l.Stream.Name, l.Text}); err != nil {
			return err
		}
	}
	if err := f.rotate(int64(data.Len())); err != nil {
		return fmt.Errorf("rotate %s: %w", f.Path, err)
	}
	out, err := os.OpenFile(f.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	before, err := out.Stat()
	if err == nil {
		_, err = out.Write(data.Bytes())
		if err != nil { // a full disk may take half of it: it is written again from the beginning
			err = errors.Join(err, out.Truncate(before.Size()))
		}
	}
	return errors.Join(err, out.Close())
}

// Close implements Sink.
func (f *File) Close() error { return nil }

// rotate makes room for so many bytes more.
func (f *File) rotate(more int64) error {
	info, err := os.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size() == 0 || info.Size()+more <= f.Size {
		return err
	}
	for n := f.Keep; n > 0; n-- {
		from := f.Path
		if n > 1 {
			from = fmt.Sprintf("%s.%d", f.Path, n-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", f.Path, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if f.Keep == 0 {
		return os.Remove(f.Path)
	}
	return nil
}

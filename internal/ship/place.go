package ship

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// place is how far a stream is shipped: up to a time, of which so many lines.
type place struct {
	Time time.Time `json:"time"`
	N    int       `json:"n"`
	Done bool      `json:"done,omitempty"` // nothing more will come
}

// after is the place after one more line. A clock that was set back does not lead back.
func (p place) after(line Line) place {
	switch {
	case line.Time.Equal(p.Time):
		p.N++
	case line.Time.After(p.Time):
		p.Time, p.N = line.Time, 1
	}
	return p
}

// places are how far all streams are shipped to a target.
type places struct {
	file string

	mu      sync.Mutex
	begin   time.Time        // of shipping to the target
	streams map[string]place // by key
	changed bool
}

// stored is the file of places.
type stored struct {
	Begin   time.Time        `json:"begin"`
	Streams map[string]place `json:"streams"`
}

// openPlaces reads places, or begins at now when there are none.
func openPlaces(file string, now time.Time) (*places, error) {
	p := &places{file: file, begin: now.UTC().Truncate(time.Millisecond), streams: map[string]place{}, changed: true}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, p.save()
	}
	var s stored
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("read how far logs are shipped: %w. Remove %s to begin with what is written from now on", err, file)
	}
	p.begin = s.Begin
	if s.Streams != nil {
		p.streams = s.Streams
	}
	return p, nil
}

// of returns where a stream is to be read from.
func (p *places) of(key string) place {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.streams[key]; ok {
		return at
	}
	return place{Time: p.begin}
}

func (p *places) done(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.streams[key].Done
}

// advance notes that a batch has arrived.
func (p *places) advance(b batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range b.lines {
		key := line.Stream.key()
		p.streams[key] = p.streams[key].after(line)
	}
	for _, s := range b.ended {
		at := p.streams[s.key()]
		at.Done = true
		p.streams[s.key()] = at
	}
	p.changed = true
}

// keep forgets the places of streams that are not there any more.
func (p *places) keep(there map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.streams {
		if !there[key] {
			delete(p.streams, key)
			p.changed = true
		}
	}
}

// save writes the places, whole or not at all.
func (p *places) save() error {
	p.mu.Lock()
	if !p.changed {
		p.mu.Unlock()
		return nil
	}
	data, err := json.Marshal(stored{p.begin, p.streams})
	p.changed = false
	p.mu.Unlock()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(p.file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(p.file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(p.file+".new", p.file)
	}
	if err != nil {
		return fmt.Errorf("write how far logs are shipped: %w", err)
	}
	return nil
}

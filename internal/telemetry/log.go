package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

// Options bound what a Log keeps. Zero values mean the defaults.
type Options struct {
	SegmentSize     int64 // bytes of one file of a stream; 1 MiB
	Segments        int   // files of a stream; 4
	KeepDeployments int   // deployment logs of a service; 50
	KeepInstances   int   // removed instances of a service whose output is kept; 500
	AccessSize      int64 // bytes of one file of requests, of which there are as many; 4 MiB
	// Retention is how long a group is kept for which nothing else is set; two weeks.
	Retention time.Duration
	MaxBytes  int64 // of the output of a service's instances; 1 GiB. Those that run have theirs in any case
	Now       func() time.Time
	Log       *slog.Logger
}

func (o *Options) defaults() {
	set := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	if o.SegmentSize <= 0 {
		o.SegmentSize = 1 << 20
	}
	if o.AccessSize <= 0 {
		o.AccessSize = 4 << 20
	}
	set(&o.Segments, 4)
	set(&o.KeepDeployments, 50)
	set(&o.KeepInstances, 500)
	if o.Retention <= 0 {
		o.Retention = 14 * 24 * time.Hour
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Log keeps and reads the logs of all services. Its methods may be called concurrently.
type Log struct {
	dir     string
	output  engine.Logs
	options Options

	mu       sync.Mutex
	services map[Service]*record
}

// record is what is in memory of a service's logs.
type record struct {
	mu         sync.Mutex
	dir        string
	streams    map[string]*stream // of the service group, by name; those used so far
	loaded     bool               // instances are read from disk
	instances  []instance
	retentions retentions    // nil until they are read
	changed    chan struct{} // closed and replaced when the group has a new stream
	deleted    bool
}

// Open uses a directory, which it creates if need be. Output is where the output of instances
// is: the engine.
func Open(dir string, output engine.Logs, o Options) (*Log, error) {
	o.defaults()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	return &Log{dir: dir, output: output, options: o, services: map[Service]*record{}}, nil
}

// Event adds a message to the service's events.
func (l *Log) Event(s Service, now time.Time, message string) error {
	return l.write(s, EventStream, now, message)
}

// Scaling adds a decision of the autoscaler.
func (l *Log) Scaling(s Service, now time.Time, decision string) error {
	return l.write(s, ScalingStream, now, decision)
}

// Deployment adds a message to the log of an operation, marked as Slipway's own as App Runner
// marks its own.
func (l *Log) Deployment(s Service, operationID string, now time.Time, message string) error {
	return l.write(s, DeploymentStream+operationID, now, "[AppRunner] "+message)
}

// Build writes a line of a build into the deployment log of an operation, under the name of its phase.
func (l *Log) Build(s Service, operationID string, now time.Time, phase, line string) error {
	return l.write(s, DeploymentStream+operationID, now, "["+phase+"] "+line)
}

func (l *Log) write(s Service, name string, now time.Time, text string) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	r := l.record(s)
	r.mu.Lock()
	st, isNew, err := l.streamLocked(r, name)
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	if err := st.append(now, text); err != nil {
		return err
	}
	if isNew {
		r.notify()
		if strings.HasPrefix(name, DeploymentStream) {
			return l.boundDeployments(r, name)
		}
	}
	return nil
}

func (l *Log) record(s Service) *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.services[s]
	if r == nil {
		r = &record{dir: filepath.Join(l.dir, s.Name, s.ID), streams: map[string]*stream{}, changed: make(chan struct{})}
		l.services[s] = r
	}
	return r
}

// streamLocked returns a stream of the service group, and whether it was not used before.
func (l *Log) streamLocked(r *record, name string) (*stream, bool, error) {
	if r.deleted {
		return nil, false, ErrNotFound
	}
	if s := r.streams[name]; s != nil {
		return s, false, nil
	}
	file, err := fileOf(name)
	if err != nil {
		return nil, false, err
	}
	s := newStream(filepath.Join(r.dir, file), l.options.SegmentSize, l.options.Segments)
	if name == AccessStream {
		s.size, s.parse = l.options.AccessSize, parseAccess
	}
	r.streams[name] = s
	return s, true, nil
}

// boundDeployments deletes the deployment logs that were written to the longest ago.
func (l *Log) boundDeployments(r *record, newest string) error {
	streams, err := l.stored(r)
	if err != nil {
		return err
	}
	streams = slices.DeleteFunc(streams, func(s StreamInfo) bool { return !strings.HasPrefix(s.Name, DeploymentStream) || s.Name == newest })
	slices.SortFunc(streams, func(a, b StreamInfo) int { return a.Written.Compare(b.Written) })
	for len(streams) >= l.options.KeepDeployments {
		r.mu.Lock()
		s, _, err := l.streamLocked(r, streams[0].Name)
		delete(r.streams, streams[0].Name)
		r.mu.Unlock()
		if err == nil {
			err = s.remove()
		}
		if err != nil {
			return err
		}
		streams = streams[1:]
	}
	return nil
}

// StreamInfo describes a log stream. Of the output of an instance only the name is known here.
type StreamInfo struct {
	Name    string
	Bytes   int64
	Written time.Time // when the last line was written
}

// Streams returns the streams of a log group, by name, as App Runner has them.
func (l *Log) Streams(group string) ([]StreamInfo, error) {
	s, k, err := parseGroup(group)
	if err != nil {
		return nil, err
	}
	r, err := l.existing(s)
	if err != nil {
		return nil, fmt.Errorf("log group %q: %w", group, err)
	}
	var streams []StreamInfo
	switch k {
	case serviceGroup:
		streams, err = l.stored(r)
		streams = slices.DeleteFunc(streams, func(s StreamInfo) bool { return s.Name == ScalingStream })
	case accessGroup:
		streams, err = l.storedAccess(r)
	default:
		var instances []instance
		instances, err = l.instances(r)
		for _, in := range instances {
			streams = append(streams, StreamInfo{Name: InstanceStream + in.ID})
		}
	}
	slices.SortFunc(streams, func(a, b StreamInfo) int { return strings.Compare(a.Name, b.Name) })
	return streams, err
}

// existing returns the record of a service that has logs.
func (l *Log) existing(s Service) (*record, error) {
	if _, err := os.Stat(filepath.Join(l.dir, s.Name, s.ID)); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	} else if err != nil {
		return nil, err
	}
	return l.record(s), nil
}

// stored finds the streams of the service group on disk.
func (l *Log) stored(r *record) ([]StreamInfo, error) {
	return l.storedIn(map[string]string{r.dir: "", filepath.Join(r.dir, "deployment"): DeploymentStream})
}

// storedIn finds the streams in directories, whose names begin with what belongs to each.
func (l *Log) storedIn(dirs map[string]string) ([]StreamInfo, error) {
	found := map[string]StreamInfo{}
	for dir, prefix := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list logs: %w", err)
		}
		for _, e := range entries {
			base, _, ok := segmentOf(e.Name())
			info, err := e.Info()
			if !ok || err != nil { // deleted just now
				continue
			}
			s := found[prefix+base]
			s.Name, s.Bytes = prefix+base, s.Bytes+info.Size()
			if info.ModTime().After(s.Written) {
				s.Written = info.ModTime()
			}
			found[s.Name] = s
		}
	}
	streams := make([]StreamInfo, 0, len(found))
	for _, s := range found {
		streams = append(streams, s)
	}
	return streams, nil
}

// Delete deletes all logs of a service, the output of its instances included. Readers come to an
// end. It may be called again, also after it was interrupted.
func (l *Log) Delete(ctx context.Context, s Service) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("delete logs: %w", err)
	}
	r := l.record(s)
	instances, err := l.instances(r)
	if err != nil {
		return err
	}
	for _, in := range instances {
		if err := l.forget(ctx, in.ID); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, st := range r.streams {
		if err := st.remove(); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(r.dir); err != nil {
		return fmt.Errorf("delete logs of service %q: %w", s.Name, err)
	}
	_ = os.Remove(filepath.Dir(r.dir)) // unless another service had the name
	r.deleted = true
	close(r.changed)
	r.changed = make(chan struct{})
	l.mu.Lock()
	delete(l.services, s)
	l.mu.Unlock()
	return nil
}

func (r *record) notify() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

// watch returns a channel that closes when the service has a new stream or is deleted.
func (r *record) watch() (<-chan struct{}, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed, r.deleted
}

package telemetry

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// Query says what to read.
type Query struct {
	Group  string    // Service.ServiceGroup or Service.ApplicationGroup
	Stream string    // one stream, or all of the group as Streams lists them when empty
	Since  time.Time // only lines after it, unless zero
	Follow bool      // go on with new lines until ctx ends or the service is deleted
}

// Read returns the lines of a group or of one stream. What is there already comes in the order of
// time over all streams; what is written while following comes as it arrives, new streams
// included. Following something that does not exist yet waits for it; without Follow that is
// ErrNotFound.
//
// An error comes in the place of a line. It concerns one stream; the others go on. The end of
// ctx is no error.
func (l *Log) Read(ctx context.Context, q Query) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		service, k, err := parseGroup(q.Group)
		if err != nil {
			yield(Line{}, err)
			return
		}
		r := l.record(service)
		if !q.Follow {
			if r, err = l.existing(service); err != nil {
				yield(Line{}, fmt.Errorf("log group %q: %w", q.Group, err))
				return
			}
		}
		ctx, stop := context.WithCancel(ctx)
		reader := &reader{log: l, record: r, kind: k, query: q, sources: map[string]source{}}
		defer reader.close()
		defer stop() // before close, which waits
		reader.run(ctx, yield)
	}
}

// source is one stream as a reader sees it. Its methods are called one after another.
type source interface {
	// history returns what is there already.
	history(ctx context.Context) iter.Seq2[Line, error]
	// follow sends what comes after history until ctx or the stream ends.
	follow(ctx context.Context, send func(Line) bool) error
	close()
}

// reader is one call of Read.
type reader struct {
	log     *Log
	record  *record
	kind    kind
	query   Query
	sources map[string]source // by stream
	running sync.WaitGroup
}

func (r *reader) run(ctx context.Context, yield func(Line, error) bool) {
	changed, deleted := r.record.watch()
	if deleted {
		return
	}
	fresh, err := r.discover()
	if err != nil && !yield(Line{}, err) {
		return
	}
	if !r.query.Follow && r.query.Stream != "" && len(fresh) == 0 {
		yield(Line{}, fmt.Errorf("log stream %q of group %q: %w", r.query.Stream, r.query.Group, ErrNotFound))
		return
	}
	if !merge(ctx, fresh, yield) || !r.query.Follow {
		return
	}
	arrived := make(chan arrival)
	for _, s := range fresh {
		r.start(ctx, s, arrived)
	}
	r.follow(ctx, changed, arrived, yield)
}

// arrival is what a followed stream sends.
type arrival struct {
	line Line
	err  error
}

// follow passes on what arrives, and begins to follow streams that are new.
func (r *reader) follow(ctx context.Context, changed <-chan struct{}, arrived chan arrival, yield func(Line, error) bool) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-arrived:
			if !yield(a.line, a.err) {
				return
			}
		case <-changed:
			var deleted bool
			if changed, deleted = r.record.watch(); deleted {
				return
			}
			fresh, err := r.discover()
			if err != nil && !yield(Line{}, err) {
				return
			}
			for _, s := range fresh {
				r.start(ctx, s, arrived)
			}
		}
	}
}

// start follows a source in a goroutine, from where its history ended.
func (r *reader) start(ctx context.Context, s source, arrived chan<- arrival) {
	put := func(a arrival) bool {
		select {
		case arrived <- a:
			return true
		case <-ctx.Done():
			return false
		}
	}
	r.running.Go(func() {
		err := s.follow(ctx, func(line Line) bool { return put(arrival{line: line}) })
		if err != nil && ctx.Err() == nil {
			put(arrival{err: err})
		}
	})
}

// discover returns the sources of streams that the reader has not seen yet.
func (r *reader) discover() ([]source, error) {
	names, err := r.names()
	if err != nil {
		return nil, err
	}
	var fresh []source
	for _, name := range names {
		if r.sources[name] != nil || r.query.Stream != "" && r.query.Stream != name {
			continue
		}
		s, err := r.open(name)
		if err != nil {
			return fresh, err
		}
		r.sources[name] = s
		fresh = append(fresh, s)
	}
	return fresh, nil
}

func (r *reader) names() ([]string, error) {
	var names []string
	if r.kind == applicationGroup {
		instances, err := r.log.instances(r.record)
		for _, in := range instances {
			names = append(names, InstanceStream+in.ID)
		}
		return names, err
	}
	list := r.log.stored
	if r.kind == accessGroup {
		list = r.log.storedAccess
	}
	streams, err := list(r.record)
	for _, s := range streams {
		if s.Name != ScalingStream || r.query.Stream == ScalingStream {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names, err
}

func (r *reader) open(name string) (source, error) {
	if r.kind == applicationGroup {
		return &outputSource{output: r.log.output, id: name[len(InstanceStream):], name: name, since: r.query.Since}, nil
	}
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	s, _, err := r.log.streamLocked(r.record, name)
	if err != nil {
		return nil, err
	}
	return &fileSource{cursor: cursor{stream: s, name: name}, since: r.query.Since}, nil
}

func (r *reader) close() {
	r.running.Wait()
	for _, s := range r.sources {
		s.close()
	}
}

// merge yields the histories of all sources in the order of time; equal times in the order of
// the sources. It reports whether to go on.
func merge(ctx context.Context, sources []source, yield func(Line, error) bool) bool {
	type head struct {
		line Line
		next func() (Line, error, bool)
	}
	var heads []head
	// advance gets the next line of a head and drops the head at its end.
	advance := func(h head) (head, bool, bool) {
		for {
			line, err, ok := h.next()
			if !ok || err == nil {
				h.line = line
				return h, ok, true
			}
			if !yield(Line{}, err) {
				return h, false, false
			}
		}
	}
	for _, s := range sources {
		next, stop := iter.Pull2(s.history(ctx))
		defer stop()
		h, ok, goOn := advance(head{next: next})
		if !goOn {
			return false
		}
		if ok {
			heads = append(heads, h)
		}
	}
	for len(heads) > 0 {
		first := 0
		for i := range heads {
			if heads[i].line.Time.Before(heads[first].line.Time) {
				first = i
			}
		}
		if ctx.Err() != nil || !yield(heads[first].line, nil) {
			return false
		}
		h, ok, goOn := advance(heads[first])
		if !goOn {
			return false
		}
		heads[first] = h
		if !ok {
			heads = slices.Delete(heads, first, first+1)
		}
	}
	return ctx.Err() == nil
}

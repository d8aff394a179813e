package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// A spare is an instance that is prepared and not started. What starts an instance takes a spare of the
// revision if there is one, so that scaling out, replacing what died, waking from nothing and rolling
// back cost no more than a start. Spares are made one at a time, when nothing else is being started.

const (
	// tendEvery is how often the fleet looks for spares that are missing.
	tendEvery = time.Second
	// spareRetry is how long a service gets no spare after one could not be prepared.
	spareRetry = time.Minute
)

// followSpares keeps the spares of all services until the fleet's context ends.
func (f *Fleet) followSpares() {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-ticker.C:
			f.tend()
		}
	}
}

// missing is a spare that is to be made.
type missing struct {
	group    *group
	revision apprunner.Revision
	urgency  int
}

// Urgencies, the most urgent first: what has no instance waits for a request; a rollback can wait.
const (
	spareOfNone = iota
	spareOfServing
	spareOfPrevious
)

// tend ends the spares that nobody needs any more, and makes those that are missing, as many as may be.
func (f *Fleet) tend() {
	var all []missing
	count := 0
	for _, g := range f.all() {
		wanted := g.wantedSpares()
		kept, lacks := g.sortSpares(wanted)
		count += kept
		all = append(all, lacks...)
	}
	slices.SortStableFunc(all, func(a, b missing) int { return a.urgency - b.urgency })
	for _, lack := range all {
		if count >= f.opts.Spares || f.starting.Load() > 0 || f.ctx.Err() != nil {
			return // nobody waits for a spare
		}
		if lack.group.prepareSpare(lack.revision) {
			count++
		}
	}
}

// wantedSpares lists what the service should have a spare of.
func (g *group) wantedSpares() []missing {
	f := g.fleet
	g.mu.Lock()
	service, serving, want := g.service, g.serving, g.want
	previous, known := g.previous, g.previousKnown
	g.mu.Unlock()
	if serving == nil || f.opts.Spares == 0 {
		return nil
	}
	var all []missing
	switch toZero := f.opts.Asked(service).ScaleToZeroAfter > 0; {
	case toZero && want == 0:
		all = append(all, missing{g, *serving, spareOfNone})
	case toZero || want < serving.Scaling.MaxSize:
		all = append(all, missing{g, *serving, spareOfServing})
	}
	if !known && f.opts.Previous != nil {
		previous = f.opts.Previous(service, serving.ID)
		g.mu.Lock()
		if g.serving == serving {
			g.previous, g.previousKnown = previous, true
		}
		g.mu.Unlock()
	}
	if previous != nil && previous.Image != "" {
		all = append(all, missing{g, *previous, spareOfPrevious})
	}
	return all
}

// sortSpares ends the spares that are not wanted. It returns how many are kept, and what is missing.
func (g *group) sortSpares(wanted []missing) (kept int, lacks []missing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	have := map[string]bool{}
	for _, m := range g.members {
		if !m.spare || m.ending.Load() {
			continue
		}
		id := m.revision.ID
		// What is being deployed may find a spare of its own, and takes it when it starts.
		if !have[id] && slices.ContainsFunc(wanted, func(w missing) bool { return w.revision.ID == id }) {
			have[id] = true
			kept++
			continue
		}
		m.ending.Store(true)
		g.endInBackground(m)
	}
	if time.Now().Before(g.spareAfter) || g.crashes > 1 {
		return kept, nil
	}
	for _, w := range wanted {
		if !have[w.revision.ID] {
			lacks = append(lacks, w)
		}
	}
	return kept, lacks
}

// prepareSpare makes a spare of a revision. It reports whether there is one now.
func (g *group) prepareSpare(revision apprunner.Revision) bool {
	g.mu.Lock()
	if g.serving == nil || len(g.sparesLocked(revision.ID)) > 0 {
		g.mu.Unlock()
		return false
	}
	m, life := g.newMemberLocked(apprunner.NewID(), revision)
	m.spare = true
	g.mu.Unlock()
	err := m.prepare(life)
	if err != nil {
		m.complain("a spare instance was not prepared", err)
		g.mu.Lock()
		g.spareAfter = time.Now().Add(spareRetry)
		g.mu.Unlock()
	}
	g.fleet.do(func() { m.stand(life, err) })
	return err == nil
}

// sparesLocked returns the spares of a revision.
func (g *group) sparesLocked(revisionID string) []*member {
	var all []*member
	for _, m := range g.members {
		if m.spare && m.revision.ID == revisionID && !m.ending.Load() {
			all = append(all, m)
		}
	}
	return all
}

// launchLocked starts one more instance of a revision: a spare if there is one.
func (g *group) launchLocked(revision apprunner.Revision) {
	spares := g.sparesLocked(revision.ID)
	if len(spares) == 0 {
		g.addLocked(revision)
		return
	}
	m := spares[0]
	m.spare, m.born, m.revision = false, time.Now(), revision // of one that was adopted only the id is known
	close(m.used)
}

// stand waits until the spare is used, and then runs it as any other instance. A spare that could not be
// prepared, or has ended, is of no use to anybody.
func (m *member) stand(ctx context.Context, err error) {
	g := m.group
	if err == nil {
		select {
		case <-m.used:
		case <-m.gone:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	g.mu.Lock()
	unused := m.spare
	if unused {
		m.ending.Store(true)
	}
	g.mu.Unlock()
	if unused {
		m.failed = err
		close(m.ready)
		if g.fleet.ctx.Err() == nil { // otherwise the next daemon finds it
			g.endInBackground(m)
		}
		return
	}
	if err == nil {
		begin := time.Now()
		err = m.run(ctx)
		m.did(DeedStart, prepared, begin, err)
	}
	m.failed = err
	m.becameReady()
	m.watch(ctx)
}

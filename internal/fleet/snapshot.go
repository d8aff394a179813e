package fleet

import (
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Snapshot is a service as the fleet has it now.
type Snapshot struct {
	Service   apprunner.Service
	Serving   bool // a revision of it gets traffic
	Instances []InstanceSnapshot
}

// InstanceSnapshot is an instance as the fleet has it now, from the moment that its engine is asked for
// it until nothing of it is left. Spares are none before they are used.
type InstanceSnapshot struct {
	ID   string
	Size apprunner.InstanceConfiguration // what its revision gives it
}

// Snapshot returns every service that the fleet knows, by id.
func (f *Fleet) Snapshot() []Snapshot {
	var all []Snapshot
	for _, g := range f.all() {
		all = append(all, g.snapshot())
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return strings.Compare(a.Service.ID, b.Service.ID) })
	return all
}

func (g *group) snapshot() Snapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Snapshot{Service: g.service, Serving: g.serving != nil}
	for _, m := range g.members {
		if m.spare {
			continue
		}
		s.Instances = append(s.Instances, InstanceSnapshot{ID: m.id, Size: m.revision.Spec.Instance})
	}
	slices.SortFunc(s.Instances, func(a, b InstanceSnapshot) int { return strings.Compare(a.ID, b.ID) })
	return s
}

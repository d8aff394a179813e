package domain

import (
	"slices"
	"sync/atomic"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Names are the custom names that are served. Those who ask with every request or handshake take no
// lock.
type Names struct {
	table atomic.Pointer[map[string]Name]
}

// Name is one custom name that is served; it may be a wildcard.
type Name struct {
	ServiceID string
	Secured   bool // it has a certificate
	Wildcard  bool
}

// Find looks up a host name in lower case: itself first, then the wildcard that covers it.
func (n *Names) Find(host string) (Name, bool) {
	table := n.table.Load()
	if table == nil || len(*table) == 0 {
		return Name{}, false
	}
	if found, ok := (*table)[host]; ok {
		return found, true
	}
	found, ok := (*table)[apprunner.WildcardOf(host)]
	return found, ok
}

// Of returns the names of a service, sorted.
func (n *Names) Of(serviceID string) []string {
	var names []string
	if table := n.table.Load(); table != nil {
		for name, entry := range *table {
			if entry.ServiceID == serviceID {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// set replaces all names by those of the domains that are routed.
func (n *Names) set(all apprunner.Domains) {
	table := map[string]Name{}
	for _, d := range all {
		if !d.Routed() {
			continue
		}
		for _, name := range d.Names() {
			table[name] = Name{ServiceID: d.ServiceID, Secured: d.Secured, Wildcard: name[0] == '*'}
		}
	}
	n.table.Store(&table)
}

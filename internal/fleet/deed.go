package fleet

import (
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Deed is something that was done to an instance, for those who want to know how long it took.
type Deed struct {
	Kind     DeedKind
	Service  apprunner.Service
	Revision int
	Instance string
	From     string // what it was before: "" for nothing, prepared, throttle or freeze
	Begin    time.Time
	End      time.Time
	Err      error // why it did not succeed
}

// DeedKind is what was done.
type DeedKind string

// The deeds. A start ends when the instance is healthy.
const (
	DeedStart DeedKind = "start"
	DeedWake  DeedKind = "wake"
)

// prepared is what a spare is before its start.
const prepared = "prepared"

// did tells of a deed that has just ended.
func (m *member) did(kind DeedKind, from string, begin time.Time, err error) {
	tell := m.group.fleet.opts.Did
	if tell == nil || m.group.fleet.ctx.Err() != nil {
		return
	}
	tell(Deed{Kind: kind, Service: m.group.serviceNow(), Revision: m.revision.Number, Instance: m.id, From: from, Begin: begin, End: time.Now(), Err: err})
}

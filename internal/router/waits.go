package router

import "time"

// Waits counts what requests waited for.
type Waits struct {
	Queue      Durations // of requests that waited for an instance, however that ended
	Wake       Durations // of those among them that found none awake, and got one
	ColdStarts int64     // how often a request found no instance at all, and nobody waited for one yet
	Woken      int64     // instances that were told to wake
}

type waits struct {
	Waits
	starting bool // somebody waits for the first instance
}

// waitLocked notes that a request waits from now on.
func (g *gate) waitLocked(l *lease) {
	w, awake, any := &g.waits, false, false
	for _, in := range g.instances {
		any = any || in.healthy // also one that just refused a connection
		awake = awake || (in.healthy && !in.asleep)
	}
	l.since, l.cold = g.meter.at, !awake
	if !any && !w.starting {
		w.starting = true
		w.ColdStarts++
	}
}

// end tells that l waits no longer.
func (w *waits) end(l *lease, now time.Time) {
	took := now.Sub(l.since)
	w.Queue.add(took)
	if l.cold && l.instance != nil {
		l.woke = took
		w.Wake.add(took)
	}
}

func (w *waits) restart() {
	w.Queue.restart()
	w.Wake.restart()
}

package router

import "time"

// Waits counts what requests waited for.
type Waits struct {
	Queue      Durations // of requests that waited for an instance, however that ended
	Wake       Durations // of those among them that found none awake, and got one
	ColdStarts int64     // how often a request found no instance awake, and nobody waited for one yet
}

type waits struct {
	Waits
	waking bool // somebody waits for the first instance
}

// begin tells that l waits from now on.
func (w *waits) begin(l *lease, now time.Time, awake bool) {
	l.since, l.cold = now, !awake
	if !awake && !w.waking {
		w.waking = true
		w.ColdStarts++
	}
}

// end tells that l waits no longer.
func (w *waits) end(l *lease, now time.Time) {
	took := now.Sub(l.since)
	w.Queue.add(took)
	if l.cold && l.instance != nil {
		w.Wake.add(took)
	}
}

func (w *waits) restart() {
	w.Queue.restart()
	w.Wake.restart()
}

// awakeLocked reports whether an instance is there to answer, if with others before it. One that just
// refused a connection is.
func (g *gate) awakeLocked() bool {
	for _, in := range g.instances {
		if in.healthy {
			return true
		}
	}
	return false
}

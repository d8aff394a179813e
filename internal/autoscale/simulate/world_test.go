package simulate

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// The service that is simulated: its instances, and the gate in front of them, which is the router's.
const (
	maxConcurrency = 10
	minSize        = 1
	maxSize        = 100
	startTime      = 2 * time.Second // from the decision until an instance takes requests
	queueFactor    = 10              // requests that may wait, for each that instances can take
	queueWait      = 30 * time.Second
	meanService    = 200 * time.Millisecond // of a request, exponentially distributed
)

// demand is what a policy sees of the gate.
type demand struct {
	now               time.Duration
	inFlight, waiting int
	peak              int     // most of both at a time since the last look
	average           float64 // of both since the last look, weighted by time
	ready             int
	done              int     // requests answered since the last look
	busyAverage       float64 // like average, of those with an instance
}

// policy decides how many instances there shall be.
type policy interface {
	name() string
	every() time.Duration // between two looks
	urgent() bool         // looks at once, too, when a request has to wait
	decide(d demand, current int) int
}

// instance takes requests from ready on, until it retires.
type instance struct {
	ready   time.Duration
	busy    int
	retired bool
}

// end is when a request that has an instance will be done.
type end struct {
	at time.Duration
	in *instance
}

type ends []end

func (e *ends) Len() int           { return len(*e) }
func (e *ends) Less(i, j int) bool { return (*e)[i].at < (*e)[j].at }
func (e *ends) Swap(i, j int)      { (*e)[i], (*e)[j] = (*e)[j], (*e)[i] }
func (e *ends) Push(x any)         { *e = append(*e, x.(end)) }
func (e *ends) Pop() any           { old := *e; last := old[len(old)-1]; *e = old[:len(old)-1]; return last }

// world is one run of a trace under a policy. It has no clock but its own.
type world struct {
	policy  policy
	random  *rand.Rand
	now     time.Duration
	members []*instance // that are not retired, the oldest first
	running ends
	queue   []time.Duration // when each request that waits came
	starts  []time.Duration // when instances become ready, the next first

	inFlight  int
	peak      int
	area      float64 // request-seconds since the last look
	load      float64 // request-seconds of this second
	lookedAt  time.Duration
	changedAt time.Duration
	told      bool
	done      int
	busy      float64
	result    result
}

// run replays a trace, whose requests come at random at its rate.
func run(t trace, p policy, seed uint64) result {
	w := &world{policy: p, random: rand.New(rand.NewPCG(seed, 1))}
	for range minSize {
		w.members = append(w.members, &instance{})
	}
	arrivals := t.arrivals(seed)
	nextLook, nextSecond := p.every(), time.Second
	for i := 0; ; {
		next := min(nextLook, nextSecond)
		if i < len(arrivals) {
			next = min(next, arrivals[i])
		}
		if len(w.running) > 0 {
			next = min(next, w.running[0].at)
		}
		if len(w.starts) > 0 {
			next = min(next, w.starts[0])
		}
		if len(w.queue) > 0 {
			next = min(next, w.queue[0]+queueWait)
		}
		if next > t.length {
			break
		}
		w.advance(next)
		switch {
		case len(w.running) > 0 && w.running[0].at == next:
			w.finish()
		case len(w.starts) > 0 && w.starts[0] == next:
			w.starts = w.starts[1:]
			w.dispatch()
		case len(w.queue) > 0 && w.queue[0]+queueWait == next:
			w.queue = w.queue[1:]
			w.result.refused++
		case i < len(arrivals) && arrivals[i] == next:
			i++
			w.arrive()
		case nextLook == next:
			nextLook += p.every()
			w.look()
		default:
			nextSecond += time.Second
			w.second()
		}
	}
	w.result.sort()
	return w.result
}

// advance accounts for the time until t.
func (w *world) advance(t time.Duration) {
	span := (t - w.changedAt).Seconds()
	w.area += float64(w.inFlight+len(w.queue)) * span
	w.busy += float64(w.inFlight) * span
	w.load += float64(w.inFlight+len(w.queue)) * span
	w.result.instanceSeconds += float64(len(w.members)) * span
	w.now, w.changedAt = t, t
}

func (w *world) arrive() {
	w.result.requests++
	switch in := w.pick(); {
	case in != nil && len(w.queue) == 0:
		w.serve(in, w.now)
	case len(w.queue) >= queueFactor*maxConcurrency*max(1, w.ready()):
		w.result.refused++
	default:
		w.queue = append(w.queue, w.now)
	}
	w.note()
	if len(w.queue) > 0 && w.policy.urgent() && !w.told {
		w.told = true
		w.look()
	}
}

func (w *world) note() {
	w.peak = max(w.peak, w.inFlight+len(w.queue))
	w.result.waiting = max(w.result.waiting, len(w.queue))
}

// pick returns the instance with the fewest requests that may have one more.
func (w *world) pick() *instance {
	var best *instance
	for _, in := range w.members {
		if in.ready <= w.now && in.busy < maxConcurrency && (best == nil || in.busy < best.busy) {
			best = in
		}
	}
	return best
}

func (w *world) ready() (n int) {
	for _, in := range w.members {
		if in.ready <= w.now {
			n++
		}
	}
	return n
}

func (w *world) serve(in *instance, came time.Duration) {
	in.busy++
	w.inFlight++
	w.result.waits = append(w.result.waits, w.now-came)
	took := time.Duration(w.random.ExpFloat64() * float64(meanService))
	heap.Push(&w.running, end{w.now + took, in})
}

func (w *world) finish() {
	e := heap.Pop(&w.running).(end)
	e.in.busy--
	w.done++
	w.inFlight--
	w.dispatch()
}

func (w *world) dispatch() {
	for len(w.queue) > 0 {
		in := w.pick()
		if in == nil {
			return
		}
		came := w.queue[0]
		w.queue = w.queue[1:]
		w.serve(in, came)
	}
}

// look asks the policy and does what it says.
func (w *world) look() {
	d := demand{now: w.now, inFlight: w.inFlight, waiting: len(w.queue), peak: w.peak, ready: w.ready(), done: w.done}
	d.average = float64(w.inFlight + len(w.queue))
	if span := (w.now - w.lookedAt).Seconds(); span > 0 {
		d.average, d.busyAverage = w.area/span, w.busy/span
	}
	w.done, w.busy = 0, 0
	w.area, w.lookedAt, w.peak, w.told = 0, w.now, w.inFlight+len(w.queue), false
	want := min(max(w.policy.decide(d, len(w.members)), minSize), maxSize)
	for len(w.members) < want {
		w.members = append(w.members, &instance{ready: w.now + startTime})
		w.starts = append(w.starts, w.now+startTime)
	}
	for _, in := range w.members[want:] { // the youngest go, as in the fleet
		in.retired = true
	}
	w.members = w.members[:want]
}

// second notes what a second was like.
func (w *world) second() {
	w.result.second(len(w.members), w.load)
	w.load = 0
}

package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// trace is load over time.
type trace struct {
	name   string
	what   string
	length time.Duration
	rate   func(t time.Duration, noise func() float64) float64 // requests per second
}

// arrivals draws when requests come: a Poisson process whose rate changes ten times a second.
func (t trace) arrivals(seed uint64) []time.Duration {
	random := rand.New(rand.NewPCG(seed, 2))
	const step = 100 * time.Millisecond
	var all []time.Duration
	debt := random.ExpFloat64()
	for at := time.Duration(0); at < t.length; at += step {
		area := t.rate(at, random.NormFloat64) * step.Seconds()
		for used := 0.0; ; {
			if debt > area-used {
				debt -= area - used
				break
			}
			used += debt
			debt = random.ExpFloat64()
			all = append(all, at+time.Duration(used/area*float64(step)))
		}
	}
	return all
}

// traces are the loads that policies are compared on.
func traces() []trace {
	minute := time.Minute
	return []trace{
		{"steady", "the same load all the time", 10 * minute, func(time.Duration, func() float64) float64 { return 150 }},
		{"diurnal", "a day in twenty minutes", 20 * minute, func(t time.Duration, _ func() float64) float64 {
			return 20 + 180*math.Pow(math.Sin(math.Pi*t.Minutes()/20), 2)
		}},
		{"ramp", "from nothing to 400 a second in five minutes, and back", 12 * minute, func(t time.Duration, _ func() float64) float64 {
			m := t.Minutes()
			switch {
			case m < 1:
				return 5
			case m < 6:
				return 5 + 395*(m-1)/5
			case m < 7:
				return 400
			case m < 10:
				return 400 - 395*(m-7)/3
			}
			return 5
		}},
		{"spike", "ten times the load for twenty seconds, three times", 12 * minute, func(t time.Duration, _ func() float64) float64 {
			s := math.Mod(t.Seconds(), 240)
			if s >= 120 && s < 140 {
				return 400
			}
			return 40
		}},
		{"sawtooth", "grows for ninety seconds and falls to a tenth", 12 * minute, func(t time.Duration, _ func() float64) float64 {
			return 30 + 270*math.Mod(t.Seconds(), 90)/90
		}},
		{"on and off", "a minute of load, a minute of none", 12 * minute, func(t time.Duration, _ func() float64) float64 {
			if math.Mod(t.Seconds(), 120) < 60 {
				return 200
			}
			return 0
		}},
		published(),
	}
}

// published is shaped as published traces of web services and functions are: slow waves, noise
// that has a memory, and now and then a burst with a heavy tail.
func published() trace {
	level, burst := 0.0, 0.0
	return trace{"bursty", "waves, noise with a memory, bursts with a heavy tail", 20 * time.Minute, func(t time.Duration, noise func() float64) float64 {
		if t == 0 {
			level, burst = 0, 0
		}
		level = 0.995*level + 0.05*noise()
		burst *= 0.97
		if n := noise(); n > 3.1 {
			burst += 60 * math.Exp(0.8*noise())
		}
		wave := 60 + 40*math.Sin(2*math.Pi*t.Minutes()/7)
		return math.Max(0, wave*math.Exp(level)+burst)
	}}
}

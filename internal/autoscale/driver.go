package autoscale

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Driver is what asks for instances.
type Driver int

// The drivers.
const (
	Concurrency Driver = iota
	CPU
	Memory
	Rate
	Latency

	drivers int = iota
)

func (d Driver) String() string {
	return [...]string{"concurrency", "cpu", "memory", "rps", "p95"}[d]
}

// demand is the usage in the units of each driver. Latency counts as shared: with half of the
// instances each request would take twice as long.
func (s Sample) demand() (all [drivers]float64) {
	u := s.Usage
	all[CPU], all[Memory], all[Rate], all[Latency] = u.CPU, u.Memory, u.Rate, u.P95.Seconds()*float64(max(s.Ready, 1))
	return all
}

// each is how much of a driver one instance shall take at most; 0 when the service has no such driver.
func (s Spec) each(d Driver) float64 {
	return [...]float64{
		Concurrency: float64(s.MaxConcurrency), CPU: s.CPU / 100, Memory: s.Memory / 100,
		Rate: s.Rate, Latency: s.P95.Seconds(),
	}[d]
}

// needs returns how many instances take a demand, with a share of each left to spare: 34 requests at
// 10 each need 4. Peak is the most requests at a time: an instance more than that answers nothing sooner.
func (s Spec) needs(d Driver, demand, spare float64, peak int) int {
	each := s.each(d) * (1 - spare)
	if each <= 0 {
		return 0
	}
	const rounding = 1e-9 // 0.1 x 30 is a little more than 3
	n := int(math.Ceil(demand/each - rounding))
	if d == Latency {
		n = min(n, peak)
	}
	return n
}

// explain says what a driver asks for in one clause.
func (s Spec) explain(d Driver, demand float64, instances int) string {
	switch d {
	case CPU:
		return fmt.Sprintf("CPU at %.0f %% of %s, %g %% wanted", 100*demand/float64(max(instances, 1)), plural(instances), s.CPU)
	case Memory:
		return fmt.Sprintf("memory at %.0f %% of %s, %g %% wanted", 100*demand/float64(max(instances, 1)), plural(instances), s.Memory)
	case Rate:
		return fmt.Sprintf("%s a second, %s per instance", requests(demand), plain(s.Rate))
	case Latency:
		return fmt.Sprintf("p95 latency %s, %s wanted", seconds(demand/float64(max(instances, 1))), s.P95)
	default:
		return fmt.Sprintf("%s at a time, %d per instance", requests(demand), s.MaxConcurrency)
	}
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}

func requests(n float64) string {
	if text := short(n); text != "1" {
		return text + " requests"
	}
	return "1 request"
}

// short writes a number for people: whole from 100 on, else with at most three digits that count.
func short(n float64) string {
	if n >= 100 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 3, 64), 64) // it reads what it wrote
	return plain(rounded)
}

// plain writes a number as it is, without an exponent.
func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func plural(n int) string {
	if n == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", n)
}

// period names a length of time behind "the last".
func period(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		switch n := d / unit.length; {
		case d%unit.length != 0 || n == 0:
		case n == 1:
			return unit.name
		default:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return d.String()
}

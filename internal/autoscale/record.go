package autoscale

import "time"

// Record is a decision that changed something, with what it was made of.
type Record struct {
	Time   time.Time `json:"time"`
	From   int       `json:"from"` // instances before
	To     int       `json:"to"`   // instances from now on
	Need   int       `json:"need"` // what the load asked for; above MaxSize it is more than To
	Reason string    `json:"reason"`
	Inputs Inputs    `json:"inputs"`
}

// Inputs is what a decision was made of. Shares are of what all instances reserve, in percent.
type Inputs struct {
	Requests       int     `json:"requests"`         // most at a time since the decision before
	Waiting        int     `json:"waiting"`          // of them, those without an instance
	Average        float64 `json:"average"`          // requests at a time, over the stable window
	Peak           int     `json:"peak"`             // most requests at a time, over the stable window
	TookMS         float64 `json:"tookMs"`           // how long an instance had a request, over the panic window
	Ready          int     `json:"ready"`            // instances that took requests
	CPU            float64 `json:"cpu,omitempty"`    // over the panic window
	Memory         float64 `json:"memory,omitempty"` // likewise
	Rate           float64 `json:"rate,omitempty"`   // requests per second, likewise
	P95MS          float64 `json:"p95Ms,omitempty"`  // likewise
	MaxConcurrency int     `json:"maxConcurrency"`   // of the auto scaling configuration, as the next two
	MinSize        int     `json:"minSize"`
	MaxSize        int     `json:"maxSize"`
}

// Inputs tells what Decide knows now.
func (s *State) Inputs(now time.Time, spec Spec) Inputs {
	spec = spec.normalized()
	last := s.Window.last
	all := max(last.Peak, last.Now)
	share := 100 / float64(max(last.Ready, 1))
	return Inputs{
		Requests: all, Waiting: max(0, all-last.Ready*spec.MaxConcurrency), Ready: last.Ready,
		Average: s.Window.Average(now, spec.StableWindow), Peak: s.Window.Max(now, spec.StableWindow),
		TookMS: milliseconds(s.Window.Took(now, spec.PanicWindow)),
		CPU:    last.Usage.CPU * share, Memory: last.Usage.Memory * share,
		Rate: last.Usage.Rate, P95MS: milliseconds(last.Usage.P95),
		MaxConcurrency: spec.MaxConcurrency, MinSize: spec.MinSize, MaxSize: spec.MaxSize,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

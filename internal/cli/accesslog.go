package cli

import (
	"encoding/json"
	"fmt"
	"strings"
)

// requestStream is the stream of an access log.
const requestStream = "requests"

// request is what of a line of the access log is shown at a terminal; with --output json it is all.
type request struct {
	Method   string  `json:"method"`
	Host     string  `json:"host"`
	Path     string  `json:"path"`
	Status   int     `json:"status"`
	Bytes    int64   `json:"bytes"`
	Duration float64 `json:"duration_ms"`
	Queue    float64 `json:"queue_ms"`
	Wake     float64 `json:"wake_ms"`
	Instance string  `json:"instance"`
	Client   string  `json:"client_ip"`
	Failure  string  `json:"failure"`
	Share    float64 `json:"share"`
	Lost     int     `json:"lost"`
}

// requestText makes a line of an access log readable. One that it does not understand stays as it is.
func requestText(line string) string {
	var r request
	if json.Unmarshal([]byte(line), &r) != nil {
		return line
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %s%s %d bytes in %.1f ms", r.Status, r.Method, r.Host, printable(r.Path), r.Bytes, r.Duration)
	if waited := r.Queue + r.Wake; waited >= 1 {
		fmt.Fprintf(&b, " (waited %.1f ms)", waited)
	}
	fmt.Fprintf(&b, " for %s", r.Client)
	if r.Instance != "" {
		fmt.Fprintf(&b, " by [%s]", r.Instance[:min(8, len(r.Instance))])
	}
	if r.Failure != "" {
		fmt.Fprintf(&b, ": %s", r.Failure)
	}
	if r.Share > 0 {
		fmt.Fprintf(&b, ", one of %.0f such", 1/r.Share)
	}
	if r.Lost > 0 {
		fmt.Fprintf(&b, "; %d lines before it are lost", r.Lost)
	}
	return b.String()
}

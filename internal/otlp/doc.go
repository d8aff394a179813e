// Package otlp tells a collector what Slipway does, over OTLP: spans of operations, starts, wakes, decisions
// and requests, and all metrics that Prometheus is shown.
//
// Telling holds up nothing: spans wait in a queue of bounded length, and those that find no room are
// dropped. Off, which is the default, it costs nothing.
package otlp

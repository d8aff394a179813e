package main

import (
	"fmt"
	"strings"
)

// order is that of the table and the picture.
var order = []string{"direct", "slipway", "nginx", "haproxy", "caddy", "caddy, logging", "traefik", "traefik, logging", "kamal-proxy"}

func rates(all map[string]contender) string {
	var b strings.Builder
	b.WriteString("| | requests/s | beside nginx | Slipway beside it | added at 1,000/s, p50 | p99 |\n|---|---|---|---|---|---|\n")
	for _, name := range order {
		c, ok := all[name]
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "| %s | %.0f | %.2f | %.2f | %.2f ms | %.2f ms |\n", strings.TrimSpace(name+" "+c.Version), c.Rate, c.Beside, c.Slipway, c.Added50, c.Added99)
	}
	return b.String()
}

// row is one line of the second table. Names in braces are numbers of the measurement's file.
type row struct{ file, what, slipway, beside, wanted string }

var rows = []row{
	{"deploy", "deployment and rollback under 1,000 requests/s", "{failed} of {requests} failed; rollback {rollback-ms} ms", "", "0 failed, 1 s"},
	{"rollback", "rollback without load, until what was before answers", "{switched-ms} ms", "", "1 s"},
	{"wake-prepared", "wake from prepared, platform time", "{slipway-platform-ms} ms", "runc run: {runc-platform-ms} ms", "runc run"},
	{"wake-frozen", "wake from frozen to the last byte, p95", "{p95-ms} ms", "awake: {awake-p95-ms} ms", "10 ms"},
	{"wake-many", "100 services woken at once", "{all-ms} ms, {failed} failed", "", "3 s, 0 failed"},
	{"burst", "burst from idle to 20 instances' worth", "{failed} failed; p99 {p99/start} of the application's start", "", "0 failed, 2"},
	{"services", "p50 of one of 20 awake services, 1,000 registered", "{latency/one-service} times", "one service alone", "1.1"},
	{"services", "the same over all 20, whose applications share the processors' caches", "{latency-of-all/one-service} times", "one service alone", "stated"},
	{"services", "daemon with these, idle", "{memory-MB} MB, {cpu-percent} % of a processor", "", "stated"},
	{"services", "daemon with 10 services, idle", "{10-services-memory-MB} MB, {10-services-cpu-percent} %", "", "60 MB"},
	{"websockets", "memory of an open WebSocket, 5,000 open", "{slipway-KB} KB", "nginx: {nginx-KB} KB", "stated"},
}

package engine

import "net/netip"

// Egress is what an instance may connect to beyond its own machine: what one of the rules allows, and
// nothing else. The name servers that the engine gives it stay reachable.
type Egress struct {
	Allow []EgressRule `json:",omitempty"`
}

// EgressRule allows connections.
type EgressRule struct {
	To       netip.Prefix // IP version 4
	Protocol string       `json:",omitempty"` // "tcp", "udp" or "icmp"; empty for all
	Ports    []PortRange  `json:",omitempty"` // of TCP and UDP; empty for all
}

// PortRange is the ports from First to Last.
type PortRange struct{ First, Last int }

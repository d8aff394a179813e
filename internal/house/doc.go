// Package house has no code: its tests hold the import graph to the rules in ARCHITECTURE.md.
package house

// Package bench measures Slipway beside other software, always both in the same run, since times
// alone mean little on a shared machine. Run it with make bench.
package bench

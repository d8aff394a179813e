// Package autoscale decides how many instances a service needs. It does nothing else: time,
// samples and limits are arguments, so that every decision can be made again in a test.
//
// The only signal is concurrency, as in App Runner: requests in flight or waiting, against
// MaxConcurrency per instance.
//
// Out, at once. The most requests at a time within PeakWindow need
// ceil(requests / (MaxConcurrency x Target)) instances: 34 requests at 10 each need 4.
//
// In, gradually. What the most requests within StableWindow would have needed is enough. Each
// step removes at most half of the instances, and steps are StepInterval apart: from 16 to 1
// goes 16, 8, 4, 2, 1.
//
// Without history no instance is removed: after a restart, or a gap in the samples, nothing is
// known about the load that the instances serve, and StableWindow has to pass first.
package autoscale

// Package autoscale decides how many instances a service needs. It does nothing else: time,
// samples and limits are arguments, so that every decision can be made again in a test.
//
// What drives it. Concurrency, as in App Runner: requests in flight or waiting, against
// MaxConcurrency per instance. A service may ask for more drivers: the CPU and memory that its
// instances use, requests per second, and latency. The driver that needs the most instances wins.
//
// Out, at once. As soon as a request waits there is an instance more. How many depends on how long
// requests take: what waits shall have its turn within Patience. 430 waiting requests of a second
// each, at 100 per instance, need 5 instances more; if they take 50 ms each, one is enough. The other
// drivers are averages over PanicWindow.
//
// In, gradually. What the busiest moment (a sixtieth) of StableWindow needed is enough, with a fifth
// to spare. Each step removes at most half of the instances, and steps are StepInterval apart: from 16
// to 1 goes 16, 8, 4, 2, 1.
//
// To none only when the service asks for it, and a whole ToZeroAfter has passed without a request.
//
// Without history no instance is removed: after a restart, or a gap in the samples, nothing is
// known about the load that the instances serve, and StableWindow has to pass first.
//
// The numbers were chosen by replaying load: see the package simulate, and docs/scaling.md.
package autoscale

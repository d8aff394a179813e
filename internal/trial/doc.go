// Package trial judges whether a revision does worse than the one before it. It decides only: what both
// answered is an argument, so that every judgement can be made again in a test.
//
// Errors. How likely would it be that so many of the failed requests are the new revision's, if both
// failed alike? That is Fisher's exact test, which holds for small numbers too. A revision is worse when
// it is less likely than Chance, and the difference is one that matters. It is asked every few seconds
// for some minutes, so Chance is small enough for all of these together.
//
// Latency. A revision is worse when what 95 of 100 requests stay under is beyond the older one's by half
// and by SlowerBy, with both bounds of doubt against it.
//
// Few requests decide nothing, and neither do those without any to compare with.
package trial

// Package formula has the expressions of CloudWatch's GetMetricData: metric math and search expressions.
//
//	m1 / m2 * 100
//	IF(errors > 10, errors)
//	SUM(FILL(METRICS("requests"), 0))
//	REMOVE_EMPTY(SEARCH('{AWS/AppRunner,ServiceID,ServiceName} MetricName="Requests"', 'Sum', 300))
//
// An expression is a number, a time series or an array of time series. Operators take numbers and series
// in any mixture; an array goes with a number or a series, which is applied to each of its own, and never
// with another array. Two series meet at the timestamps that either has: the other one counts as 0 there.
// What is no number (a division by zero, the logarithm of zero) is no point.
//
// A series keeps its label and its metric while it is changed alone, such as by RATE or by a number, and
// loses them where it is mixed with others. In an array each keeps its own.
//
// An expression costs what it is long times what it is given: it is at most 2048 characters, nested at
// most 50 deep, and stops with an error when it has made some millions of points.
//
// Sources: "Using math expressions with CloudWatch metrics" and "CloudWatch search expression syntax",
// Amazon CloudWatch User Guide.
package formula

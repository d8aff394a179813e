// Package metrics counts what services and their instances do and keeps it for two weeks, by the minute,
// under App Runner's names (https://docs.aws.amazon.com/apprunner/latest/dg/monitor-cw.html) and some of
// Slipway's own.
//
// A Collector looks every ten seconds. Of each look it makes statistics (sum, number, lowest, highest, and
// for durations how many there were in each bucket), which add up over any period, and writes those of a
// minute when the minute is over. A process that is killed loses the running minute and nothing else.
//
// A Store keeps one file for each service and day, to which a minute is one write: nothing that is written
// is written again, files of old days are deleted whole, and a service is forgotten with its directory.
// In memory is the running minute alone.
package metrics

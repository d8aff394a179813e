// Package telemetry keeps what happened to a service and lets one read it, in the log groups and
// streams of App Runner:
//
//	/aws/apprunner/<name>/<id>/service      events, deployment/<operation-id>
//	/aws/apprunner/<name>/<id>/application  instance/<instance-id>
//	/aws/apprunner/<name>/<id>/access       requests; App Runner has no such group
//
// Events and deployment logs are files of this package, one line per entry, written with one
// write(2) each: they survive the end of the process at any moment, though not a power cut. What
// a crash left of a line is cut off before the next is written, and readers never see it. Files
// are bounded: a stream drops its oldest segment, a service its oldest deployment logs.
//
// Requests are lines of JSON as somebody else made them, and are in a file as they are. There are many:
// they come in batches, and their files are larger.
//
// The output of instances is kept by the engine. This package remembers only which instances a
// service had, so that their output can be read after they are gone, and has the engine forget
// it when a service has had too many, or is deleted.
//
// A directory belongs to one Log of one process.
package telemetry

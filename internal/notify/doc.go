// Package notify delivers the events of services: to webhooks, as EventBridge or CloudEvents has them, and
// to people, over whatever they read.
//
// An event is delivered at least once to each target that wants it, and those of a service in order: the
// next one is sent when the one before has arrived. What fails is tried again after 1, 2, 4 … seconds, up
// to five minutes, until it arrives or the store forgets it. Where that stands is in the store, so a daemon
// that was killed goes on; what it was sending just then is sent once more, under the same id.
package notify

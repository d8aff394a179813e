package daemon

import (
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/fleet"
)

// What two daemons of a data directory say while one takes over from the other.
//
//	successor               daemon
//	takeover            →              here I am
//	                    ←  listeners   with the sockets; now the successor can still fail
//	take                →
//	                    ←  inside      with listeners that are inside of instances, if there are any
//	                    ←  given       with the lock: store and fleet are let go of
//	serving             →              it accepts; the daemon accepts no more, and lingers
//	serve, hold, drain, awake  →       what the fleet tells its router
//	                    ←  drained
//	                    ←  failed, demand, wake   what the router tells its fleet
//	                    ←  requests    lines of an access log
//	hurry, bye          →              linger no longer; end
//
// A side that hears a word it does not know lets it pass. Restart, from the command line, is answered with
// restarted.
const (
	sayTakeOver  = "takeover"
	sayListeners = "listeners"
	sayTake      = "take"
	sayInside    = "inside"
	sayGiven     = "given"
	sayServing   = "serving"
	sayServe     = "serve"
	sayHold      = "hold"
	sayDrain     = "drain"
	sayDrained   = "drained"
	sayAwake     = "awake"
	sayFailed    = "failed"
	sayDemand    = "demand"
	sayWake      = "wake"
	sayRequests  = "requests"
	sayHurry     = "hurry"
	sayBye       = "bye"
	sayRestart   = "restart"
	sayRestarted = "restarted"
	sayRefused   = "refused"
)

// protocol is the version of the words above.
const protocol = 1

type (
	takeOver struct {
		Protocol int
		PID      int
		Requests bool // it knows that word: without, lines would be lost
	}
	// sockets describes the attached listeners, in their order.
	sockets struct {
		PID   int
		Doors []socketDoor
	}
	socketDoor struct {
		Name    string
		Address string // as inherited.Address
	}
	// insideOf says of which instances the attached listeners are, in their order.
	insideOf struct{ Instances []string }
	serving  struct{ PID int }

	serveWords struct {
		Service     apprunner.Service
		Concurrency int
		MaxSize     int
		Canary      int // percent
		Backends    []fleet.Backend
	}
	holdWords struct {
		Service apprunner.Service
		Why     fleet.Hold
	}
	drainWords struct {
		ID                    uint64
		ServiceID, InstanceID string
		Deadline              time.Time
	}
	drained    struct{ ID uint64 }
	awakeWords struct{ ServiceID, InstanceID string }
	news       struct {
		kind                  string
		ServiceID, InstanceID string
		Load                  int // requests of the service that this daemon has, with demand
	}

	requestWords struct{ ServiceID, Service, Lines string }

	restart   struct{ Program string }
	restarted struct{ PID int }
	refused   struct {
		Reason string
		Busy   bool // it may be otherwise soon
	}
)

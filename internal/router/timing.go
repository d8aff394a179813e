package router

import (
	"strconv"
	"time"
)

const headerTiming = "Server-Timing"

// timing is where the time of a request went until its response began.
type timing struct {
	queued time.Duration // waited for an instance, without woke
	woke   time.Duration // of the wait, what an instance took to wake
	asked  time.Time     // when the present instance was asked
	app    time.Duration // until it answered
}

// waited accounts for a wait for an instance that has just ended.
func (t *timing) waited(began, now time.Time, woke time.Duration) {
	wait := now.Sub(began)
	woke = min(woke, wait)
	t.queued += wait - woke
	t.woke += woke
	t.asked = now
}

// appendTiming makes the value of a Server-Timing header, in milliseconds as its standard has it.
func (t *timing) appendTiming(b []byte) []byte {
	b = appendMillis(append(b, "queue;dur="...), t.queued)
	if t.woke > 0 {
		b = appendMillis(append(b, ", wake;dur="...), t.woke)
	}
	if t.app > 0 {
		b = appendMillis(append(b, ", app;dur="...), t.app)
	}
	return b
}

// appendMillis writes a duration in milliseconds, with the microseconds that it has.
func appendMillis(b []byte, d time.Duration) []byte {
	us := max(d.Microseconds(), 0)
	b = strconv.AppendInt(b, us/1000, 10)
	if us %= 1000; us == 0 {
		return b
	}
	b = append(b, '.', byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

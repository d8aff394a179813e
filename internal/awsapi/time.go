package awsapi

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Time is a moment as the JSON protocol writes it: seconds since 1970 as a number, with a fraction
// to the millisecond.
type Time struct{ time.Time }

// NewTime returns a pointer to t, or nil for the zero time, which is an absent member.
func NewTime(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1000, 'f', -1, 64), nil
}

// The years 0 to 9999: what time.Time, and most clients, can print.
const minSeconds, maxSeconds = -62167219200, 253402300799

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(data []byte) error {
	seconds, err := strconv.ParseFloat(string(data), 64)
	if err != nil || !(seconds >= minSeconds && seconds <= maxSeconds) {
		return fmt.Errorf("timestamp %q is not a number of seconds since 1970", data)
	}
	t.Time = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	return nil
}

package awsapi

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Time is a moment as the protocols write it: seconds since 1970 as a number, with a fraction to the
// millisecond. In CBOR it has the tag of such a number.
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
	if err != nil {
		return fmt.Errorf("timestamp %q is not a number of seconds since 1970", data)
	}
	t.Time, err = fromSeconds(seconds)
	return err
}

func fromSeconds(seconds float64) (time.Time, error) {
	if !(seconds >= minSeconds && seconds <= maxSeconds) {
		return time.Time{}, fmt.Errorf("timestamp %v is not within the years 0 to 9999", seconds)
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}

// epochTag is the tag of CBOR for seconds since 1970 (RFC 8949, section 3.4.2).
const epochTag = 1

// MarshalCBOR implements cbor.Marshaler.
func (t Time) MarshalCBOR() ([]byte, error) {
	return cbor.Marshal(cbor.Tag{Number: epochTag, Content: float64(t.UnixMilli()) / 1000})
}

// UnmarshalCBOR implements cbor.Unmarshaler.
func (t *Time) UnmarshalCBOR(data []byte) error {
	var tag cbor.RawTag
	var seconds float64
	if err := cbor.Unmarshal(data, &tag); err != nil || tag.Number != epochTag || cbor.Unmarshal(tag.Content, &seconds) != nil {
		return fmt.Errorf("a timestamp must be a number of seconds since 1970 with the tag %d", epochTag)
	}
	var err error
	t.Time, err = fromSeconds(seconds)
	return err
}

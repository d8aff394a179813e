package metrics

import (
	"encoding/hex"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// thousandths is a value that is stored as it is.
func thousandths() *rapid.Generator[float64] {
	return rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.Int64Range(0, 1<<50).Draw(t, "value")) / 1000 })
}

func drawValues(t *rapid.T) *Values {
	v := &Values{}
	for _, m := range All() {
		if rapid.Bool().Draw(t, "without") {
			continue
		}
		if metrics[m].kind == counter {
			v[m] = sample(thousandths().Draw(t, "count"))
			continue
		}
		v[m] = Statistic{
			Count: rapid.Int64Range(1, math.MaxInt64).Draw(t, "samples"),
			Sum:   thousandths().Draw(t, "sum"), Min: thousandths().Draw(t, "min"), Max: thousandths().Draw(t, "max"),
		}
		if metrics[m].kind == duration {
			v[m].Buckets = &Buckets{}
			v[m].Buckets[rapid.IntRange(0, len(Bounds)).Draw(t, "bucket")] = rapid.Int64Range(1, math.MaxInt64).Draw(t, "n")
			v[m].Buckets[0] = 1
		}
	}
	return v
}

func drawMinute(t *rapid.T) *Minute {
	m := &Minute{Time: time.Unix(60*rapid.Int64Range(0, math.MaxInt32).Draw(t, "minute"), 0).UTC(), Service: *drawValues(t)}
	for range rapid.IntRange(0, 3).Draw(t, "instances") {
		id := rapid.OneOf(rapid.StringN(0, 40, 40), rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), hex.EncodeToString)).Draw(t, "id")
		if len(id) == packedID {
			continue // instances have 32 digits; what is half as long is taken for packed
		}
		*m.instance(id) = *drawValues(t)
	}
	return m
}

func TestFramesAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := drawMinute(t), drawMinute(t)
		data := appendFrame(appendFrame(nil, first), second)
		for _, want := range []*Minute{first, second} {
			body, rest, err := cutFrame(data)
			if err != nil {
				t.Fatal(err)
			}
			data = rest
			got, err := parseFrame(body, func(string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			if alone, err := parseFrame(body, nil); err != nil || len(alone.Instances) != 0 || cmp.Diff(want.Service, alone.Service) != "" {
				t.Fatalf("without instances: %+v, %v", alone, err)
			}
		}
	})
}

// A minute of a busy service with all the instances that a service may have.
func TestFramesAreSmall(t *testing.T) {
	m := &Minute{Time: time.Unix(1_800_000_000, 0)}
	for i := range 25 {
		id := hex.EncodeToString([]byte{15: byte(i)})
		values := m.instance(id)
		for _, metric := range All() {
			if !metric.OfInstances() {
				continue
			}
			values[metric] = Statistic{Count: 6, Sum: 321.123, Min: 12.345, Max: 98.765}
			if metric.Percentiles() {
				values[metric].Buckets = &Buckets{12: 100, 13: 1000, 14: 3000, 15: 500, 16: 40, 20: 1}
			}
		}
		m.Service.addAll(values)
	}
	if size := len(appendFrame(nil, m)); size > 2600 {
		t.Errorf("a minute of 25 busy instances takes %d bytes", size)
	}
}

func FuzzFrame(f *testing.F) {
	m := &Minute{Time: time.Unix(1_800_000_000, 0)}
	m.Service[Requests] = sample(7)
	m.Service[RequestLatency] = Statistic{Count: 7, Sum: 70, Min: 1, Max: 20, Buckets: &Buckets{3: 6, 62: 1}}
	m.instance("0123456789abcdef0123456789abcdef")[Requests] = sample(7)
	whole := appendFrame(nil, m)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	body, _, _ := cutFrame(whole)
	f.Add(body)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, rest, err := cutFrame(data); err == nil && len(rest) >= len(data) {
			t.Fatal("a frame takes no bytes")
		} else if err != nil && !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
		// A body whose checksum is right may still be from another version.
		parsed, err := parseFrame(data, func(string) bool { return true })
		if err != nil {
			return
		}
		for _, v := range parsed.Instances {
			parsed.Service.addAll(v)
		}
		for _, m := range All() {
			parsed.Service[m].Percentile(95)
		}
	})
}

package metrics

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"
)

// A frame is a minute in a file: its length, that many bytes, and their checksum. Numbers are varints,
// values are in thousandths, metrics without samples are left out, and counters have a sum alone.
//
//	minute since 1970 · values of the service · number of instances · for each: id, length, values
//	values: bits of the metrics that follow · for each: [number] sum [lowest highest] [buckets]
//	buckets: how many are not empty · for each: how many empty ones are before it, number

// errDamaged is a frame that is not whole.
var errDamaged = errors.New("damaged")

// maxFrame is more than a minute can have.
const maxFrame = 1 << 20

func appendFrame(out []byte, m *Minute) []byte {
	var body []byte
	body = binary.AppendUvarint(body, uint64(m.Time.Unix()/60))
	body = appendValues(body, &m.Service)
	body = binary.AppendUvarint(body, uint64(len(m.Instances)))
	for _, id := range slices.Sorted(maps.Keys(m.Instances)) {
		body = appendBytes(body, pack(id))
		body = appendBytes(body, appendValues(nil, m.Instances[id]))
	}
	out = appendBytes(out, body)
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
}

// pack halves the id of an instance, which is 32 hexadecimal digits. Any other is stored as it is.
func pack(id string) []byte {
	packed, err := hex.DecodeString(id)
	if err != nil || len(packed) != packedID || hex.EncodeToString(packed) != id {
		return []byte(id)
	}
	return packed
}

func unpack(stored []byte) string {
	if len(stored) == packedID {
		return hex.EncodeToString(stored)
	}
	return string(stored)
}

const packedID = 16

func appendBytes(out, b []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

func appendValues(out []byte, v *Values) []byte {
	set := uint64(0)
	for m, s := range v {
		if s.Count > 0 {
			set |= 1 << m
		}
	}
	out = binary.AppendUvarint(out, set)
	for m, s := range v {
		if s.Count == 0 {
			continue
		}
		if metrics[m].kind == counter {
			out = appendNumber(out, s.Sum)
			continue
		}
		out = binary.AppendUvarint(out, uint64(s.Count))
		out = appendNumber(appendNumber(appendNumber(out, s.Sum), s.Min), s.Max)
		if metrics[m].kind == duration {
			out = appendBuckets(out, s.Buckets)
		}
	}
	return out
}

// appendNumber writes a value that is not negative, in thousandths.
func appendNumber(out []byte, value float64) []byte {
	return binary.AppendUvarint(out, uint64(math.Round(max(value, 0)*1000)))
}

func appendBuckets(out []byte, b *Buckets) []byte {
	if b == nil {
		return append(out, 0)
	}
	filled := 0
	for _, n := range b {
		if n > 0 {
			filled++
		}
	}
	out = binary.AppendUvarint(out, uint64(filled))
	empty := uint64(0)
	for _, n := range b {
		if n <= 0 {
			empty++
			continue
		}
		out = binary.AppendUvarint(binary.AppendUvarint(out, empty), uint64(n))
		empty = 0
	}
	return out
}

// reader takes numbers off the front of bytes. After the first that is not there, all are 0.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest, r.bad = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads a number that is stored as a signed one.
func (r *reader) count() int64 {
	v := r.uint()
	if v > math.MaxInt64 {
		r.bad = true
		return 0
	}
	return int64(v)
}

func (r *reader) number() float64 { return float64(r.uint()) / 1000 }

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.rest)) {
		r.rest, r.bad = nil, true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// cutFrame returns the body of the frame at the front, and what comes after it. A frame that is not
// whole is errDamaged.
func cutFrame(data []byte) (body, rest []byte, err error) {
	r := reader{rest: data}
	body = r.bytes()
	if r.bad || len(body) > maxFrame || len(r.rest) < 4 || binary.LittleEndian.Uint32(r.rest) != crc32.ChecksumIEEE(body) {
		return nil, nil, errDamaged
	}
	return body, r.rest[4:], nil
}

// want says which instances of a minute to read.
type want func(instance string) bool

// minuteOf tells which minute a frame is of.
func minuteOf(body []byte) time.Time {
	r := reader{rest: body}
	return time.Unix(int64(min(r.uint(), math.MaxInt32))*60, 0).UTC()
}

func parseFrame(body []byte, instances want) (*Minute, error) {
	m := &Minute{Time: minuteOf(body)}
	r := reader{rest: body}
	r.uint()
	r.values(&m.Service)
	for n := r.uint(); n > 0 && !r.bad; n-- {
		id, values := unpack(r.bytes()), r.bytes()
		if instances == nil || !instances(id) {
			continue
		}
		of := reader{rest: values}
		of.values(m.instance(id))
		r.bad = r.bad || of.bad
	}
	if r.bad {
		return nil, errDamaged
	}
	return m, nil
}

func (r *reader) values(v *Values) {
	set := r.uint()
	r.bad = r.bad || set >= 1<<metricCount
	for m := range v {
		if set&(1<<m) == 0 || r.bad {
			continue
		}
		s := &v[m]
		if metrics[m].kind == counter {
			*s = sample(r.number())
			continue
		}
		s.Count, s.Sum, s.Min, s.Max = r.count(), r.number(), r.number(), r.number()
		if metrics[m].kind == duration {
			s.Buckets = r.buckets()
		}
	}
}

func (r *reader) buckets() *Buckets {
	filled := r.uint()
	if filled == 0 {
		return nil
	}
	b, at := &Buckets{}, uint64(0)
	for ; filled > 0 && !r.bad; filled-- {
		at += r.uint()
		if at >= uint64(len(b)) {
			r.bad = true
			return nil
		}
		b[at] = r.count() //nolint:gosec // G602: it is within, as of the line above
		at++
	}
	return b
}

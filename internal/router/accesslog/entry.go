package accesslog

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	longestPath  = 2048 // bytes of a target that are logged
	longestOther = 512  // of any other text

	// Layout is that of the time, with which every line begins after Begin.
	Layout = "2006-01-02T15:04:05.000Z"
	// Begin is how every line begins.
	Begin = `{"time":"`
)

// ClientLeft is the status of a request whose client left before there was one, as nginx has it.
const ClientLeft = 499

// Entry is a request that has ended. Texts may be anything that a client sent.
type Entry struct {
	End      time.Time
	Scheme   string // http or https
	Protocol string // HTTP/1.1
	Client   netip.Addr

	Method, Host, Target, Agent []byte
	RequestID, TraceID          []byte

	Status   int
	In, Out  int64         // bytes of the bodies, as far as they came
	Took     time.Duration // first to last byte
	Queued   time.Duration // waited for an instance
	Woke     time.Duration // for one to wake
	App      time.Duration // until it began to answer
	Instance string        // that answered, or was asked last
	Failure  string        // why it is not the application's answer
}

// append adds the line of an entry.
func (e *Entry) append(b []byte, service string, share, lost int, query bool) []byte {
	b = append(b, Begin...)
	b = e.End.UTC().AppendFormat(b, Layout)
	b = append(b, '"')
	b = appendText(b, "service", service)
	b = appendText(b, "method", e.Method)
	b = appendText(b, "scheme", e.Scheme)
	b = appendText(b, "host", e.Host)
	b = e.appendTarget(b, query)
	b = appendText(b, "protocol", e.Protocol)
	b = appendNumber(b, "status", int64(e.Status))
	b = appendNumber(b, "bytes", e.Out)
	b = appendNumber(b, "bytes_in", e.In)
	b = appendTime(b, "duration_ms", e.Took)
	b = appendTime(b, "queue_ms", e.Queued)
	if e.Woke > 0 {
		b = appendTime(b, "wake_ms", e.Woke)
	}
	b = appendTime(b, "app_ms", e.App)
	b = appendText(b, "instance", e.Instance)
	b = append(b, `,"client_ip":"`...)
	if e.Client.IsValid() {
		b = e.Client.AppendTo(b)
	}
	b = append(b, '"')
	b = appendText(b, "user_agent", e.Agent)
	b = appendText(b, "request_id", e.RequestID)
	b = appendText(b, "trace_id", e.TraceID)
	if e.Failure != "" {
		b = appendText(b, "failure", e.Failure)
	}
	if share > 1 {
		b = strconv.AppendFloat(append(b, `,"share":`...), 1/float64(share), 'g', -1, 64)
	}
	if lost > 0 {
		b = appendNumber(b, "lost", int64(lost))
	}
	return append(b, '}', '\n')
}

func (e *Entry) appendTarget(b []byte, query bool) []byte {
	path, rest, has := bytes.Cut(e.Target, []byte{'?'})
	b = appendLong(b, "path", path, longestPath)
	if query && has {
		b = appendLong(b, "query", rest, longestPath)
	}
	return b
}

func appendNumber(b []byte, name string, n int64) []byte {
	b = append(append(append(b, ',', '"'), name...), '"', ':')
	return strconv.AppendInt(b, n, 10)
}

// appendTime writes milliseconds with three places.
func appendTime(b []byte, name string, d time.Duration) []byte {
	us := max(d.Microseconds(), 0)
	b = appendNumber(b, name, us/1000)
	us %= 1000
	return append(b, '.', byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
}

func appendText[T string | []byte](b []byte, name string, text T) []byte {
	return appendLong(b, name, text, longestOther)
}

func appendLong[T string | []byte](b []byte, name string, text T, longest int) []byte {
	b = append(append(append(b, ',', '"'), name...), '"', ':', '"')
	return append(appendEscaped(b, text[:min(len(text), longest)]), '"')
}

const hexDigits = "0123456789abcdef"

// appendEscaped writes a text as JSON has it. What is no UTF-8 becomes the character that stands for that.
func appendEscaped[T string | []byte](b []byte, text T) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := decode(text[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c < ' ', c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
		i++
	}
	return b
}

// decode reads the first character of a text.
func decode[T string | []byte](text T) (rune, int) {
	var first [utf8.UTFMax]byte
	n := copy(first[:], text)
	return utf8.DecodeRune(first[:n])
}

package formula

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// write makes up an expression of a kind.
func write(t *rapid.T, kind Kind, depth int) string {
	in := func(k Kind) string { return write(t, k, depth-1) }
	pick := func(all ...string) string { return rapid.SampledFrom(all).Draw(t, "pick") }
	operator := func() string {
		return pick(" + ", "-", "*", " / ", "^", "==", "!=", "<", "<=", ">", ">=", " AND ", " OR ", "&&", "||")
	}
	if depth == 0 {
		return map[Kind]string{
			Number: pick("0", "1.5", "-2", "1e3"), Single: pick("m1", "m2", "m3"), Array: pick("METRICS()", `METRICS("2")`, "SEARCH('a', 'Sum')"),
		}[kind]
	}
	switch kind {
	case Number:
		return pick(
			"("+in(Number)+operator()+in(Number)+")", "-"+in(Number), "ABS("+in(Number)+")", "IF("+in(Number)+","+in(Number)+","+in(Number)+")",
			pick("SUM", "AVG", "MIN", "MAX", "STDDEV", "DATAPOINT_COUNT", "PERIOD")+"("+in(Single)+")", "METRIC_COUNT("+in(Array)+")")
	case Single:
		return pick(
			"("+in(Single)+operator()+in(Single)+")", "("+in(Number)+operator()+in(Single)+")", "("+in(Single)+operator()+in(Number)+")",
			"-"+in(Single), pick("SUM", "AVG", "MIN", "MAX", "STDDEV", "DATAPOINT_COUNT", "FIRST", "LAST")+"("+in(Array)+")",
			pick("CEIL", "FLOOR", "LOG", "LOG10", "DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM", "MINUTE", "HOUR", "DAY", "EPOCH")+"("+in(Single)+")",
			"IF("+in(Single)+","+in(pickKind(t))+","+in(pickKind(t))+")", "IF("+in(Single)+","+in(pickKind(t))+")",
			"FILL("+in(Single)+","+pick("REPEAT", "LINEAR", in(Single), in(Number))+")", "TIME_SERIES("+in(Number)+")")
	default:
		return pick(
			"["+in(Single)+","+in(Array)+"]", "("+in(Array)+operator()+in(pickKind(t))+")", "("+in(pickKind(t))+operator()+in(Array)+")",
			"REMOVE_EMPTY("+in(Array)+")", "SORT("+in(Array)+",AVG,DESC,"+in(Number)+")", "SORT("+in(Array)+",MAX,ASC)",
			"SLICE("+in(Array)+","+in(Number)+")", "SLICE("+in(Array)+","+in(Number)+","+in(Number)+")",
			"FILL("+in(Array)+","+pick("REPEAT", "LINEAR", in(pickKind(t)))+")", "RATE("+in(Array)+")")
	}
}

func pickKind(t *rapid.T) Kind { return rapid.SampledFrom([]Kind{Number, Single}).Draw(t, "kind") }

// random series of seven minutes.
func random(t *rapid.T) Series {
	s := Series{Period: time.Minute}
	for i := range 7 {
		if rapid.Bool().Draw(t, "there") {
			s.Points = append(s.Points, Point{noon.Add(time.Duration(i) * time.Minute), float64(rapid.IntRange(-5, 5).Draw(t, "value"))})
		}
	}
	return s
}

func randomInputs(t *rapid.T) Inputs {
	all := map[string]Value{"m1": One(random(t)), "m2": One(random(t)), "m3": One(random(t))}
	return Inputs{
		From: noon, To: noon.Add(7 * time.Minute), Metrics: []string{"m1", "m2", "m3"},
		Get:    func(id string) (Value, error) { return all[id], nil },
		Search: func(func(Metric) bool, string, time.Duration) ([]Series, error) { return []Series{random(t)}, nil },
	}
}

// An expression amounts to the kind that its parts say, in points that are numbers, and leaves what it is
// given as it was.
func TestEveryExpressionHasItsKind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{Number, Single, Array}).Draw(t, "kind")
		text := write(t, kind, rapid.IntRange(0, 3).Draw(t, "depth"))
		in := randomInputs(t)
		before := metricsOf(in)
		e, err := Parse(text)
		if err != nil {
			if err.(*Error).What == "" || len(text) < MaxLength {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		v, err := e.Evaluate(in)
		if err != nil || v.Kind != kind || kind == Single && len(v.Series) != 1 {
			t.Fatalf("%s is %s of %d series, want %s: %v", text, v.Kind, len(v.Series), kind, err)
		}
		for _, s := range v.Series {
			for i, p := range s.Points {
				if !finite(p.Value) || i > 0 && !s.Points[i-1].Time.Before(p.Time) {
					t.Fatalf("%s has the points %v", text, s.Points)
				}
			}
		}
		if after := metricsOf(in); after != before {
			t.Fatalf("%s made %s of %s", text, after, before)
		}
	})
}

func metricsOf(in Inputs) (all string) {
	for _, id := range in.Metrics {
		v, _ := in.Get(id)
		all += fmt.Sprint(v)
	}
	return all
}

// Two ways to say the same amount to the same.
func TestEqualExpressions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := randomInputs(t)
		for _, same := range [][2]string{
			{"m1 + m2", "m2 + m1"},
			{"m1 + m2", "SUM([m1, m2])"},
			{"AVG(METRICS())", "SUM(METRICS()) / METRIC_COUNT(METRICS())"},
			{"m1 < m2", "m2 > m1"},
			{"m1 - m2", "-(m2 - m1) + 0"},
			{"FILL(m1, REPEAT)", "FILL(FILL(m1, REPEAT), REPEAT)"},
			{"FILL(m1, 0) + m2", "FILL(FILL(m1, 0) + FILL(m2, 0), 7)"},
			{"RATE(m1)", "DIFF(m1) / DIFF_TIME(m1)"},
			{"DIFF(RUNNING_SUM(m1))", "IF(DIFF_TIME(m1), m1)"},
			{"IF(m1 == m1, m1)", "m1"},
			{"MAX([m1, m2])", "-MIN(-[m1, m2]) + 0"},
			{"LAST(SORT(METRICS(), SUM, ASC))", "FIRST(SORT([m3, m2, m1], SUM, DESC))"},
		} {
			var shown [2]string
			for i, text := range same {
				e, err := Parse(text)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				v, err := e.Evaluate(in)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				shown[i] = show(v, 7)
			}
			if shown[0] != shown[1] {
				t.Fatalf("%s is %s, and %s is %s", same[0], shown[0], same[1], shown[1])
			}
		}
	})
}

package formula

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// noon is a Wednesday's.
var noon = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// series reads "3 - 4": a value a minute, from noon on.
func series(t testing.TB, text string) Series {
	t.Helper()
	s := Series{Period: time.Minute}
	for i, v := range strings.Fields(text) {
		if v == "-" {
			continue
		}
		value, err := strconv.ParseFloat(v, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.Points = append(s.Points, Point{noon.Add(time.Duration(i) * time.Minute), value})
	}
	return s
}

// show is the reverse: n minutes of a series, a number, or an array line by line.
func show(v Value, n int) string {
	if v.Kind == Number {
		return fmt.Sprintf("%.5g", v.Number)
	}
	var lines []string
	for _, s := range v.Series {
		values := slices.Repeat([]string{"-"}, n)
		for _, p := range s.Points {
			if i := int(p.Time.Sub(noon) / time.Minute); i >= 0 && i < n {
				values[i] = fmt.Sprintf("%.5g", p.Value)
			} else {
				values = append(values, "and "+p.Time.String())
			}
		}
		lines = append(lines, strings.Join(values, " "))
	}
	if v.Kind == Array {
		return "[" + strings.Join(lines, "; ") + "]"
	}
	return lines[0]
}

// inputs have m1, m2 and so on of four or five minutes.
func inputs(t testing.TB, metrics ...string) Inputs {
	t.Helper()
	in := Inputs{Period: time.Minute, From: noon, To: noon.Add(time.Minute)}
	all := map[string]Value{}
	for i, text := range metrics {
		id := fmt.Sprintf("m%d", i+1)
		s := series(t, text)
		s.Label = id
		s.Metric = &Metric{Name: id}
		all[id] = One(s)
		in.Metrics = append(in.Metrics, id)
		in.To = noon.Add(time.Duration(max(in.steps(time.Minute), len(strings.Fields(text)))) * time.Minute)
	}
	in.Get = func(id string) (Value, error) {
		v, ok := all[id]
		if !ok {
			return Value{}, errors.New("no " + id)
		}
		return v, nil
	}
	return in
}

func (in Inputs) steps(period time.Duration) int { return (&evaluation{Inputs: in}).steps(period) }

func evaluate(t testing.TB, text string, in Inputs) (Value, error) {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e.Evaluate(in)
}

func TestMath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, expression, metrics, want string
	}{
		{"a number", "2", "", "2"},
		{"a fraction without a beginning", ".5", "", "0.5"},
		{"a small number", "1.5e-3", "", "0.0015"},
		{"products before sums", "1 + 2 * 3", "", "7"},
		{"the left one first", "10 - 4 - 3", "", "3"},
		{"the left quotient first", "16 / 4 / 2", "", "2"},
		{"parentheses", "(1 + 2) * 3", "", "9"},
		{"powers before a sign", "-2 ^ 2", "", "-4"},
		{"the right power first", "2 ^ 3 ^ 2", "", "512"},
		{"a negative power", "2 ^ -1", "", "0.5"},
		{"two signs", "1 - -1", "", "2"},
		{"sums before comparisons", "1 + 1 == 2", "", "1"},
		{"AND before OR", "1 OR 0 AND 0", "", "1"},
		{"both spellings", "1 && 0 || 1 AND 1", "", "1"},
		{"anything but 0 is true", "-3 AND 0.1", "", "1"},
		{"all comparisons", "(1 != 2) + (1 <= 1) + (2 >= 2) + (1 < 2) + (2 > 1)", "", "5"},
		{"a division by zero is no number", "1 / 0", "", "NaN"},
		{"nothing compares with no number", "1 / 0 == 1 / 0", "", "NaN"},

		{"a series", "m1", "1 2 -", "1 2 -"},
		{"a series and a number", "m1 * 2", "1 - 3", "2 - 6"},
		{"a number and a series", "6 / m1", "1 - 3", "6 - 2"},
		{"a sign before a series", "-m1", "1 - 3", "-1 - -3"},
		{"two series, missing values are 0", "m1 + m2", "1 2 - -, 10 - 30 -", "11 2 30 -"},
		{"the order of two series", "m1 - m2", "5 - 1, 2 2 -", "3 -2 1"},
		{"a divisor that is 0 or missing drops the point", "m1 / m2", "1 2 3 -, 2 0 - 4", "0.5 - - 0"},
		{"the root of a negative number is no point", "m1 ^ 0.5", "4 -4", "2 -"},
		{"comparing series, from CloudWatch's documentation", "m1 < m2", "30 20 0 0, 20 - 20 -", "0 0 1 0"},
		{"comparing with a number, likewise", "m1 >= 30", "30 20 0 0, 20 - 20 -", "1 0 0 0"},
		{"both, likewise", "(m1 > 15 AND m2 > 15)", "30 20 0 0, 20 - 20 -", "1 0 0 0"},
		{"either", "m1 > 25 OR m2 > 15", "30 20 0 0, 20 - 20 -", "1 0 1 0"},

		{"an array", "[m1, m2]", "1, 2", "[1; 2]"},
		{"an array in an array", "[m1, METRICS()]", "1, 2", "[1; 1; 2]"},
		{"an array and a number", "METRICS() * 100", "1 -, 2 3", "[100 -; 200 300]"},
		{"a number and an array", "100 / [m1, m2]", "1 -, 2 4", "[100 -; 50 25]"},
		{"an array and a series", "[m1, m2] / m3", "2 4, 6 -, 2 4", "[1 1; 3 0]"},
		{"a series and an array", "m3 / [m1, m2]", "2 4, 6 -, 12 4", "[6 1; 2 -]"},
		{"a sign before an array", "SUM(-[m1, m2])", "1 2, 3 -", "-4 -2"},

		{"spaces of every sort", " \n\tm1\r\n+\t1 ", "1", "2"},
		{"the beginning of a word is no operator", "orders + andes", "1, 2", "3"},
	} {
		in := inputs(t, split2(c.metrics)...)
		if c.expression == "orders + andes" {
			get := in.Get
			in.Get = func(id string) (Value, error) { return get(map[string]string{"orders": "m1", "andes": "m2"}[id]) }
		}
		v, err := evaluate(t, c.expression, in)
		if err != nil {
			t.Errorf("%s: %s: %v", c.reason, c.expression, err)
		} else if got := show(v, in.steps(time.Minute)); got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.reason, c.expression, got, c.want)
		}
	}
}

func split2(metrics string) []string {
	if metrics == "" {
		return nil
	}
	return strings.Split(metrics, ", ")
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, expression, metrics, want string
	}{
		{"absolute values", "ABS(m1)", "-1 - 2", "1 - 2"},
		{"of an array", "ABS(METRICS())", "-1, 2", "[1; 2]"},
		{"up and down", "CEIL(m1) - FLOOR(m1)", "1.5 2 -0.5", "1 0 1"},
		{"of a number", "FLOOR(7 / 2)", "", "3"},
		{"logarithms, of 0 there is none", "LOG10(m1)", "100 0 1", "2 - 0"},
		{"natural ones", "LOG(m1)", "1", "0"},

		{"the sum of a series is a number", "SUM(m1)", "1 - 3", "4"},
		{"its average has a 0 for every missing value", "AVG(m1)", "1 - 3 -", "1"},
		{"unless one counts what is there", "SUM(m1) / DATAPOINT_COUNT(m1)", "1 - 3 -", "2"},
		{"the lowest and the highest", "MIN(m1) * 10 + MAX(m1)", "4 - 3 9", "39"},
		{"a deviation", "STDDEV(m1)", "2 4 4 4 5 5 7 9", "2"},
		{"nothing has the sum 0", "SUM(m1)", "- -", "0"},
		{"nothing has no highest value", "MAX(m1)", "- -", "NaN"},
		{"and gives no points", "m2 - MAX(m1)", "- -, 1 2", "- -"},
		{"a number made of a series", "m1 - MIN(m1)", "4 3 -", "1 0 -"},
		{"the sum of an array is a series", "SUM(METRICS())", "1 2 -, 10 - -", "11 2 -"},
		{"the average of an array has zeros", "AVG(METRICS())", "1 2 -, 3 - -", "2 1 -"},
		{"the lowest of those that are there", "MIN([m1, m2])", "1 2 -, 3 - -", "1 2 -"},
		{"the highest", "MAX([m1, m2])", "1 2 -, 3 - -", "3 2 -"},
		{"the deviation of an array", "STDDEV([m1, m2])", "1 2 -, 3 - -", "1 0 -"},
		{"how many are there", "DATAPOINT_COUNT(METRICS())", "1 2 -, 3 - -", "2 1 -"},
		{"an array of one is an array", "SUM([m1])", "1 2", "1 2"},
		{"the sum of none is a series without points", `SUM(METRICS("none"))`, "1", "-"},

		{"differences", "DIFF(m1)", "1 3 - 2", "- 2 - -1"},
		{"seconds between", "DIFF_TIME(m1)", "1 3 - 2", "- 60 - 120"},
		{"changes by second", "RATE(m1)", "60 0 - 120", "- -1 - 1"},
		{"of an array", "RATE(METRICS())", "0 60, 60 0", "[- 1; - -1]"},
		{"a running sum", "RUNNING_SUM(m1)", "1 - 2 3", "1 - 3 6"},

		{"a number in every period", "TIME_SERIES(MAX(m1))", "1 5 - -", "5 5 5 5"},
		{"no number in no period", "TIME_SERIES(MAX(m1))", "- -", "- -"},
		{"the period in seconds", "m1 / PERIOD(m1)", "60 120", "1 2"},
		{"minutes, also where there is no point", "MINUTE(m1)", "7 - 7", "0 1 2"},
		{"hours", "HOUR(m1)", "1", "12"},
		{"a Wednesday is the third day", "DAY(m1)", "1", "3"},
		{"the day of the month", "DATE(m1)", "1", "1"},
		{"the month", "MONTH(m1)", "1", "4"},
		{"the year", "YEAR(m1)", "1", "2026"},
		{"seconds since 1970", "EPOCH(m1) - 1775044800", "1 1", "0 60"},
		{"weekdays alone", "IF(DAY(m1) < 6, m1)", "5 6", "5 6"},

		{"a number where something is missing", "FILL(m1, 10)", "1 - 2 -", "1 10 2 10"},
		{"also where all is", "FILL(m1, 0)", "- - -", "0 0 0"},
		{"a number made of the series", "FILL(m1, MIN(m1))", "- 5 2", "2 5 2"},
		{"no number fills nothing", "FILL(m1, MIN(m1))", "- - -", "- - -"},
		{"the values of another series", "FILL(m1, m2)", "1 - - 4, 9 8 - 7", "1 8 - 4"},
		{"what was there last", "FILL(m1, REPEAT)", "- 1 - - 2 -", "- 1 1 1 2 2"},
		{"a straight line in the gap, and none around it", "FILL(m1, LINEAR)", "- 1 - - 4 -", "- 1 2 3 4 -"},
		{"all series of an array", "FILL(METRICS(), 0)", "1 -, - 2", "[1 0; 0 2]"},
		{"all, with a series", "FILL(METRICS(), m1)", "1 2, - 3", "[1 2; 1 3]"},

		{"IF of three series, from CloudWatch's documentation", "IF(m1, m2, m3)", "1 1 0 0 -, 30 - 0 0 30, 0 0 20 - 20", "30 0 20 - -"},
		{"IF with a number when true, likewise", "IF(m1, 5, m2)", "1 1 0 0 -, 0 0 20 - 20", "5 5 20 - -"},
		{"IF with a number when false, likewise", "IF(m1, m2, 5)", "1 1 0 0 -, 30 - 0 0 30", "30 0 5 5 -"},
		{"IF without an else drops what is false", "IF(m1 < 400, m1)", "100 500 -", "100 - -"},
		{"IF with two numbers", "IF(m1 < 400, 10, 2)", "100 500 -", "10 2 -"},
		{"IF of a number, true", "IF(2 > 1, m1, m2)", "1 2, 3 4", "1 2"},
		{"IF of a number, false", "IF(0, m1, m2)", "1 2, 3 4", "3 4"},
		{"IF of a false number without an else", "IF(0, m1)", "1 2", "- -"},
		{"negative is true", "IF(m1, 1, 0)", "-5 0", "1 0"},

		{"metrics by id", `METRICS("2")`, "1, 2, 3", "[2]"},
		{"with the other quotes", `METRICS('m')`, "1, 2", "[1; 2]"},
		{"how many metrics", "m1 / METRIC_COUNT(METRICS())", "4, 8", "2"},
		{"the first", "FIRST(METRICS())", "1, 2", "1"},
		{"the last", "LAST(METRICS())", "1, 2", "2"},
		{"the first of none", `FIRST(METRICS("none"))`, "1", "-"},
		{"the last of none", `LAST(METRICS("none"))`, "1", "-"},
		{"without those that have no points", "REMOVE_EMPTY(METRICS())", "1, -, 2", "[1; 2]"},
		{"from the second on", "SLICE(METRICS(), 1)", "1, 2, 3", "[2; 3]"},
		{"from the first to before the third", "SLICE(METRICS(), 0, 2)", "1, 2, 3", "[1; 2]"},
		{"beyond the end", "SLICE(METRICS(), 2, 99)", "1, 2, 3", "[3]"},
		{"from after to", "SLICE(METRICS(), 2, 1)", "1, 2, 3", "[]"},
		{"lowest average first", "SORT(METRICS(), AVG, ASC)", "5 5, 5 9 - -, 3 3", "[3 3 - -; 5 5 - -; 5 9 - -]"},
		{"highest sum first, with a limit", "SORT(METRICS(), SUM, DESC, 2)", "1 1, 5 -, 3 3", "[3 3; 5 -]"},
		{"by the highest value", "SORT(METRICS(), MAX, DESC)", "1 4, 5 -, 3 3", "[5 -; 1 4; 3 3]"},
		{"by the lowest, those without points at the end", "SORT(METRICS(), MIN, DESC)", "-, 1, 3", "[3; 1; -]"},
		{"the highest is above a hundred", "IF(FIRST(SORT(METRICS(), AVG, DESC)) > 100, 1, 0)", "1 1, 50 150", "0 1"},
	} {
		in := inputs(t, split2(c.metrics)...)
		v, err := evaluate(t, c.expression, in)
		if err != nil {
			t.Errorf("%s: %s: %v", c.reason, c.expression, err)
		} else if got := show(v, in.steps(time.Minute)); got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.reason, c.expression, got, c.want)
		}
	}
}

// What cannot be read says what is wrong and where.
func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, expression, want string }{
		{"nothing", "", "the end is not expected here, a number, the id of a query, a function or ( would be, at character 1"},
		{"no second value", "m1 +", "the end is not expected here, a number, the id of a query, a function or ( would be, at character 5"},
		{"no operator", "m1 m2", "'m' is not expected here, an operator such as + would be, at character 4"},
		{"one equals sign", "m1 = 2", "'=' is not expected here, an operator such as + would be, at character 4"},
		{"a parenthesis is open", "(m1", "the end is not expected here, ) would be, at character 4"},
		{"too many parentheses", "m1)", "')' is not expected here, an operator such as + would be, at character 3"},
		{"a bracket is open", "[m1, m2", "the end is not expected here, a comma or ] would be, at character 8"},
		{"a function is open", "SUM(m1", "the end is not expected here, a comma or the ) of SUM would be, at character 7"},
		{"small letters", "sum(m1)", "functions are written in capitals: SUM, at character 1"},
		{"a capital", "1 + M1", `"M1" is no id of a query, which begins with a small letter, at character 5`},
		{"two points", "1.2.3", `"1.2.3" is no number, at character 1`},
		{"a unit", "m1 > 5m", `"5m" is no number, at character 6`},
		{"another system", "0x1p4", `"0x1p4" is no number, at character 1`},
		{"a text", `"m1"`, "a text is only for METRICS and SEARCH, at character 1"},
		{"a text where a value is needed", `SUM("m1")`, "SUM takes a value here: SUM(m1) or SUM(METRICS()), at character 5"},
		{"a word where a value is needed", `ABS(REPEAT)`, "ABS takes a value here: ABS(m1), at character 5"},
		{"too few arguments", "FILL(m1)", "FILL has the wrong number of arguments, 1: it takes FILL(m1, 0), FILL(m1, m2), FILL(m1, REPEAT) or FILL(m1, LINEAR), at character 1"},
		{"too many", "ABS(m1, m2)", "ABS has the wrong number of arguments, 2: it takes ABS(m1), at character 1"},
		{"no arguments", "SUM", "SUM needs ( and its arguments: SUM(m1) or SUM(METRICS()), at character 4"},
		{"a wrong word", "FILL(m1, ZERO)", "FILL takes a number, a time series, REPEAT or LINEAR here: FILL(m1, 0), FILL(m1, m2), FILL(m1, REPEAT) or FILL(m1, LINEAR), at character 10"},
		{"nothing to fill", "FILL('m1', 0)", "FILL takes a time series or an array of them here: FILL(m1, 0), FILL(m1, m2), FILL(m1, REPEAT) or FILL(m1, LINEAR), at character 6"},
		{"sorted by what", "SORT(METRICS(), MEDIAN, ASC)", "SORT takes AVG, MAX, MIN or SUM here: SORT(METRICS(), AVG|MAX|MIN|SUM, ASC|DESC) or with a number of series as the fourth, at character 17"},
		{"sorted how", "SORT(METRICS(), AVG, UP)", "SORT takes ASC or DESC here: SORT(METRICS(), AVG|MAX|MIN|SUM, ASC|DESC) or with a number of series as the fourth, at character 22"},
		{"a metric that is no text", "METRICS(m1)", `METRICS takes a text here: METRICS() or METRICS("part of an id"), at character 9`},
		{"a text without an end", "METRICS('m", "the text that begins with ' does not end, at character 9"},
		{"characters, not bytes", "METRICS('ä') + ö", "'ö' is not expected here, a number, the id of a query, a function or ( would be, at character 16"},
		{"no function", "MEDIAN(m1)", "there is no function MEDIAN. There are ABS, AVG, CEIL, DATAPOINT_COUNT, DATE, DAY, DIFF, DIFF_TIME, EPOCH, FILL, FIRST, FLOOR, HOUR, IF, LAST, LOG, LOG10, MAX, METRICS, METRIC_COUNT, MIN, MINUTE, MONTH, PERIOD, RATE, REMOVE_EMPTY, RUNNING_SUM, SEARCH, SLICE, SORT, STDDEV, SUM, TIME_SERIES, YEAR, at character 1"},
		{"too long", strings.Repeat("m", 2049), "the expression has 2049 characters, and may have 2048, at character 1"},
		{"too deep", strings.Repeat("(", 60) + "1" + strings.Repeat(")", 60), "this is nested more than 50 deep, at character 51"},
		{"too many signs", strings.Repeat("-", 60) + "1", "this is nested more than 50 deep, at character 51"},
		{"too many powers", strings.Repeat("2^", 60) + "1", "this is nested more than 50 deep, at character 101"},
	} {
		_, err := Parse(c.expression)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %s\n got %v\nwant %s", c.reason, c.expression, err, c.want)
		}
	}
}

// What only AWS has is named, with what there is instead.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	for expression, name := range map[string]string{
		"ANOMALY_DETECTION_BAND(m1, 2)":           "the function ANOMALY_DETECTION_BAND is not supported. There are ABS,",
		"m1 + INSIGHT_RULE_METRIC('rule', 'Sum')": "the function INSIGHT_RULE_METRIC is not supported. There are ABS,",
		"LAMBDA('f')":                                 "the function LAMBDA is not supported. There are ABS,",
		"SERVICE_QUOTA(m1)":                           "the function SERVICE_QUOTA is not supported. There are ABS,",
		"DB_PERF_INSIGHTS('RDS', 'db', 'x')":          "the function DB_PERF_INSIGHTS is not supported. There are ABS,",
		`SELECT AVG(Requests) FROM "AWS/AppRunner"`:   "SELECT, a query of Metrics Insights, is not supported. SEARCH finds metrics:",
		`select MAX(Requests) from "AWS/AppRunner"`:   "SELECT, a query of Metrics Insights, is not supported. SEARCH finds metrics:",
		`FILL(SELECT AVG(x) FROM "AWS/AppRunner", 0)`: "SELECT, a query of Metrics Insights, is not supported. SEARCH finds metrics:",
	} {
		if _, err := Parse(expression); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v, want %s…", expression, err, name)
		}
	}
	if _, err := Parse("select + 1"); err != nil {
		t.Errorf("select is an id like any other: %v", err)
	}
}

// What values cannot do says so, with the place.
func TestEvaluateErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, expression, want string }{
		{"two arrays", "m1 + METRICS() / METRICS()", "/ is between two arrays of time series: make one of them a series with SUM, AVG, MIN, MAX, FIRST or LAST, at character 16"},
		{"a number in an array", "[m1, 5]", "an array takes time series alone here, and gets a number, at character 6"},
		{"the sum of a number", "1 + SUM(5)", "SUM takes a time series or an array of them here, and gets a number, at character 9"},
		{"the period of an array", "PERIOD(METRICS())", "PERIOD takes a time series here, and gets an array of time series, at character 8"},
		{"the hour of a number", "HOUR(5)", "HOUR takes a time series here, and gets a number, at character 6"},
		{"the rate of a number", "RATE(5)", "RATE takes a time series or an array of them here, and gets a number, at character 6"},
		{"a series of a series", "TIME_SERIES(m1)", "TIME_SERIES takes a number here, and gets a time series, at character 13"},
		{"an array as a condition", "IF(METRICS(), 1, 0)", "IF takes a number or a time series here, and gets an array of time series, at character 4"},
		{"a number to fill", "FILL(5, 0)", "FILL takes a time series or an array of them here, and gets a number, at character 6"},
		{"an array to fill with", "FILL(m1, METRICS())", "FILL takes a number, a time series, REPEAT or LINEAR here, and gets an array of time series, at character 10"},
		{"the first of a number", "FIRST(5)", "FIRST takes an array of time series here, and gets a number, at character 7"},
		{"the last of a number", "LAST(5)", "LAST takes an array of time series here, and gets a number, at character 6"},
		{"a number without its empty series", "REMOVE_EMPTY(5)", "REMOVE_EMPTY takes an array of time series here, and gets a number, at character 14"},
		{"the count of a number", "METRIC_COUNT(5)", "METRIC_COUNT takes an array of time series here, and gets a number, at character 14"},
		{"a number sorted", "SORT(5, AVG, ASC)", "SORT takes an array of time series here, and gets a number, at character 6"},
		{"a limit that is a series", "SORT(METRICS(), AVG, ASC, m1)", "SORT takes a number here, and gets a time series, at character 27"},
		{"an index that is a series", "SLICE(METRICS(), 0, m1)", "SLICE takes a number here, and gets a time series, at character 21"},
		{"a slice of a number", "SLICE(5, 0)", "SLICE takes an array of time series here, and gets a number, at character 7"},
		{"no such query", "1 + m9", "no m9"},
		{"no such query in a function", "FILL(m1, m9)", "no m9"},
	} {
		v, err := evaluate(t, c.expression, inputs(t, "1", "2"))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %s\n got %v, %v\nwant %s", c.reason, c.expression, v, err, c.want)
		}
	}
}

// Callers order queries by what they refer to, and find circles.
func TestReferences(t *testing.T) {
	t.Parallel()
	e, err := Parse(`IF(e2 > 5, m1) + FILL(m_3, m1) + SUM(METRICS("m4")) + FIRST(SORT([aB], AVG, DESC, n))`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.References(), " "); got != "e2 m1 m_3 aB n" {
		t.Errorf("references %s", got)
	}
}

// What is changed alone stays what it is; what is mixed is nothing of its own any more.
func TestLabelsAndMetricsStay(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"m1 * 2":                             "m1",
		"-m1":                                "m1",
		"RATE(FILL(m1, 0))":                  "m1",
		"[m2, m1] / m1":                      "m2 m1",
		"m1 - [m1, m2]":                      "m1 m2",
		"SORT(METRICS(), SUM, DESC)":         "m2 m1",
		"FIRST(METRICS())":                   "m1",
		"m1 + m2":                            "",
		"SUM(METRICS())":                     "",
		"IF(m1, m1)":                         "",
		"TIME_SERIES(1)":                     "",
		"HOUR(m1)":                           "",
		"REMOVE_EMPTY(ABS(METRICS()) + m2)":  "m1 m2",
		"SLICE(SORT(METRICS(), MAX, ASC),1)": "m2",
	} {
		v, err := evaluate(t, expression, inputs(t, "1 2", "3 4"))
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var labels []string
		for _, s := range v.Series {
			if (s.Metric == nil) != (s.Label == "") {
				t.Errorf("%s: label %q with metric %v", expression, s.Label, s.Metric)
			}
			labels = append(labels, s.Label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("%s has the labels %q, want %q", expression, got, want)
		}
	}
}

// A series of longer periods is filled in its own, and what is mixed has the longest.
func TestPeriods(t *testing.T) {
	t.Parallel()
	in := inputs(t, "1 - - - - - - - - -")
	five := Series{Period: 5 * time.Minute}
	get := in.Get
	in.Get = func(id string) (Value, error) {
		if id == "five" {
			return One(five), nil
		}
		return get(id)
	}
	in.From = noon.Add(2 * time.Minute) // in the first period, which begins before
	for expression, want := range map[string]string{
		"FILL(five, 1)":              "1 - - - - 1 - - - -",
		"MINUTE(five)":               "0 - - - - 5 - - - -",
		"PERIOD(five+m1)":            "300",
		"AVG(FILL(five, 1) * 2 + 0)": "2",
	} {
		v, err := evaluate(t, expression, in)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
		} else if got := show(v, 10); got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}
}

// An expression that would make more points than a machine should hold stops.
func TestTooManyPoints(t *testing.T) {
	t.Parallel()
	in := inputs(t, "1", "1", "1")
	in.To = in.From.Add(365 * 24 * time.Hour)
	for _, expression := range []string{
		"FILL([" + strings.Repeat("m1,", 20) + "m1], 0)",
		"TIME_SERIES(1)" + strings.Repeat("+TIME_SERIES(1)", 100),
		"SUM(FILL(METRICS(), 0)) + SUM(FILL(METRICS(), 0)) + SUM(FILL(METRICS(), 0))",
	} {
		_, err := evaluate(t, expression, in)
		var fault *Error
		if !errors.As(err, &fault) || !strings.HasPrefix(fault.What, "the expression makes too many points.") {
			t.Errorf("%.60s: %v", expression, err)
		}
	}
	in.To = in.From.AddDate(2000, 0, 0)
	if v, err := evaluate(t, "TIME_SERIES(1)", in); err == nil {
		t.Errorf("two thousand years have %d points", len(v.Series[0].Points))
	}
}

// Without a span there is nothing to fill.
func TestNoSpan(t *testing.T) {
	t.Parallel()
	in := inputs(t, "1 - 3")
	in.From, in.To = time.Time{}, time.Time{}
	for expression, want := range map[string]string{
		"FILL(m1, 0)": "1 - 3", "TIME_SERIES(1)": "- - -", "HOUR(m1)": "- - -", "AVG(m1)": "2",
	} {
		v, err := evaluate(t, expression, in)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
		} else if got := show(v, 3); got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"m1 / m2 * 100", "IF(DAY(m1)<6 AND HOUR(m1)>=9, m1, 0)", "FILL(METRICS('e'), LINEAR)", "-(2^-.5e3) || [m1,m2][",
		"SORT(METRICS(), AVG, DESC, 3)", "SLICE(METRICS(),1,2)", grafanaExact, grafanaLoose,
		`SEARCH('NOT (a OR "b\'c") AND Name=("\"" OR d) :aws.AccountId=\'LOCAL\'', 'p99', 60)`,
	} {
		f.Add(seed)
	}
	in := inputs(f, "1 - 3", "- - 2", "0 0 0")
	in.Search = func(match func(Metric) bool, _ string, period time.Duration) (out []Series, _ error) {
		for _, m := range apprunner() {
			if match(m) {
				out = append(out, Series{Metric: &m, Period: period})
			}
		}
		return out, nil
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) || fault.At < 1 || fault.At > len([]rune(text))+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		v, err := e.Evaluate(in)
		if err != nil {
			return
		}
		for _, s := range v.Series {
			for i, p := range s.Points {
				if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || i > 0 && !p.Time.After(s.Points[i-1].Time) {
					t.Fatalf("%q has the point %v", text, p)
				}
			}
		}
	})
}

package formula

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	grafanaExact = `REMOVE_EMPTY(SEARCH('{"AWS/AppRunner","ServiceID","ServiceName"} MetricName="Requests" "ServiceName"=("web" OR "api")', 'Sum', 300))`
	grafanaLoose = `REMOVE_EMPTY(SEARCH('Namespace="AWS/AppRunner" MetricName="Requests" "ServiceName"', 'Average', 60))`
)

// apprunner are metrics of two services, one of which has a name that is hard, and of an instance.
func apprunner() []Metric {
	service := func(name, id string) []Dimension {
		return []Dimension{{"ServiceName", name}, {"ServiceID", id}}
	}
	return []Metric{
		{"AWS/AppRunner", "Requests", service("web", "1a")},
		{"AWS/AppRunner", "2xxStatusResponses", service("web", "1a")},
		{"AWS/AppRunner", "Requests", service("api", "2b")},
		{"AWS/AppRunner", "CPUUtilization", append(service("web", "1a"), Dimension{"Instance", "i1"})},
		{"Custom", "Requests", nil},
		{"Custom", "Network-Errors-2", []Dimension{{"Path", `it's a\b "c" (d)`}}},
		{"Custom", "CustomCount1", nil},
	}
}

// found are the numbers of the metrics that a term matches.
func found(t *testing.T, term string) string {
	t.Helper()
	text := "SEARCH('" + strings.ReplaceAll(term, "'", `\'`) + "', 'Sum')"
	var numbers []string
	in := Inputs{Search: func(match func(Metric) bool, _ string, _ time.Duration) ([]Series, error) {
		for i, m := range apprunner() {
			if match(m) {
				numbers = append(numbers, fmt.Sprint(i))
			}
		}
		return nil, nil
	}}
	if _, err := evaluate(t, text, in); err != nil {
		t.Fatal(err)
	}
	return strings.Join(numbers, " ")
}

func TestSearchTerms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, term, want string }{
		{"a schema has exactly these dimensions", "{AWS/AppRunner,ServiceName,ServiceID}", "0 1 2"},
		{"in any order, with spaces", " { AWS/AppRunner , ServiceID , ServiceName } ", "0 1 2"},
		{"with quotes", `{"AWS/AppRunner","ServiceID","ServiceName"}`, "0 1 2"},
		{"fewer are others", "{AWS/AppRunner,ServiceName}", ""},
		{"more are others", "{AWS/AppRunner,ServiceName,ServiceID,Instance}", "3"},
		{"no dimensions", "{Custom}", "4 6"},
		{"a namespace is whole", "{AWS}", ""},

		{"a metric by name", `MetricName="Requests"`, "0 2 4"},
		{"of a namespace", `Namespace="AWS/AppRunner" MetricName="Requests"`, "0 2"},
		{"names are whole", `MetricName="Request"`, ""},
		{"capitals count in them", `MetricName="requests"`, ""},
		{"a dimension", `"ServiceName"="web"`, "0 1 3"},
		{"a part of a dimension", `ServiceName=web`, "0 1 3"},
		{"spaces around the equals sign", `ServiceName = "web"`, "0 1 3"},
		{"one of several", `ServiceName=("web" OR "api") MetricName="Requests"`, "0 2"},
		{"neither of several", `NOT ServiceName=("web" OR "api")`, "4 5 6"},
		{"any but one, or none", `ServiceName=(NOT "web") MetricName="Requests"`, "2 4"},
		{"a value of another dimension", `ServiceName="1a"`, ""},
		{"a part of a namespace", "NOT Namespace=AWS", "4 5 6"},
		{"a name of a dimension, as Grafana asks for any value", `MetricName="Requests" "ServiceName"`, "0 2"},
		{"Grafana's exact search", `{"AWS/AppRunner","ServiceID","ServiceName"} MetricName="Requests" "ServiceName"=("a" OR "api")`, "2"},

		{"a word anywhere", "Requests", "0 2 4"},
		{"a word in a namespace", "runner", "0 1 2 3"},
		{"a word in the name of a dimension", "instance", "3"},
		{"a word in a value", "api", "2"},
		{"a single word in any capitals", "REQUESTS", "0 2 4"},
		{"a word that begins with a digit", "2xx", "1"},
		{"half a word", "Reques", ""},
		{"a word with an operator's beginning", "ANDREQUESTS", ""},
		{"a whole name", `"Requests"`, "0 2 4"},
		{"no whole name", `"AWS"`, ""},

		{"both", "requests web", "0"},
		{"both, written", "requests AND web", "0"},
		{"either", "cpu OR api", "2 3"},
		{"and before or", "web cpu OR api", "2 3"},
		{"parentheses", "web (cpu OR status)", "1 3"},
		{"not", "web NOT cpu", "0 1"},
		{"and not", "web AND NOT (cpu OR status)", "0"},
		{"not not", "NOT NOT api", "2"},
		{"small operators are words", "web or api", ""},
		{"the schema is about all of it", "{AWS/AppRunner,ServiceID,ServiceName} cpu OR requests", "0 2"},
		{"a comma after the schema, as CloudWatch's examples have it", `{AWS/AppRunner,ServiceID,ServiceName}, "Requests"`, "0 2"},

		{"every account is this one", `:aws.AccountId="111122223333" requests`, "0 2 4"},
		{"without quotes", ":aws.AccountId = 111122223333 requests", "0 2 4"},
		{"the local one", ":aws.AccountId='LOCAL' requests", "0 2 4"},

		{"quotes and signs in a value", `Path="it's a\\b \"c\" \(d\)"`, "5"},
		{"those that need no backslash", `Path="it's a\b \"c\" (d)"`, "5"},
	} {
		if got := found(t, c.term); got != c.want {
			t.Errorf("%s: %s finds %q, want %q", c.reason, c.term, got, c.want)
		}
	}
}

// The words of CloudWatch's documentation find what it says.
func TestSearchWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		yes, no []string
	}{
		{"CustomCount1", []string{"count", "Count", "COUNT", "CustomCount", "Count1", "customcount1", "1", "custom"}, []string{"couNT", "customcount", "count1", "CountCustom"}},
		{"Network-Errors-2", []string{"network/errors", "network+errors", "network-errors", "Network_Errors", "2", "networkerrors2"}, []string{"network-2", "errors-network"}},
		{"NetworkErrors2", []string{"network/errors", "network+errors", "network-errors", "Network_Errors"}, []string{"networks"}},
		{"SDBFailure", []string{"sdbfailure", "sdb", "failure", "SDBFailure"}, []string{"sd", "bfailure"}},
		{"Project2-trial333", []string{"project2trial333", "project", "2", "trial", "333", "Project2", "trial333"}, []string{"33", "project trial2"}},
		{"größer-Ärger", []string{"größer", "ärger", "Größer"}, []string{"gr"}},
		{"---", nil, []string{"-", "a"}},
	} {
		for _, word := range c.yes {
			if !split(c.name).contain(split(word)) {
				t.Errorf("%s does not find %s", word, c.name)
			}
		}
		for _, word := range c.no {
			if split(c.name).contain(split(word)) {
				t.Errorf("%s finds %s", word, c.name)
			}
		}
	}
}

func TestSearchErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, expression, want string }{
		{"nothing to look for", "SEARCH('  ', 'Sum')", `SEARCH needs something to look for, such as {AWS/AppRunner,ServiceID,ServiceName} or MetricName="Requests", at character 11`},
		{"the schema is open", "SEARCH('{AWS/AppRunner', 'Sum')", "the end is not expected here, a comma or } would be, at character 23"},
		{"nothing in the schema", "SEARCH('{}', 'Sum')", "'}' is not expected here, a name or a word would be, at character 10"},
		{"a parenthesis is open", "SEARCH('(a', 'Sum')", "the end is not expected here, ) would be, at character 11"},
		{"one too many", "SEARCH('a)', 'Sum')", "')' is not expected here, at character 10"},
		{"nothing after OR", "SEARCH('a OR', 'Sum')", "the end is not expected here, a name or a word would be, at character 13"},
		{"nothing after the equals sign", "SEARCH('a=', 'Sum')", "the end is not expected here, a name or a word would be, at character 11"},
		{"two equals signs", "SEARCH('a=b=c', 'Sum')", "'=' is not expected here, a name or a word would be, at character 12"},
		{"an open quote, after one that is escaped", `SEARCH('\'x\' "a', 'Sum')`, `the name that begins with " does not end, at character 15`},
		{"nothing between quotes", `SEARCH('""', 'Sum')`, "there is nothing between the quotes, at character 9"},
		{"too deep", "SEARCH('" + strings.Repeat("(", 60) + "', 'Sum')", "this is nested more than 50 deep, at character 59"},
		{"too often not", "SEARCH('" + strings.Repeat("NOT ", 60) + "a', 'Sum')", "this is nested more than 50 deep, at character 209"},
		{"no text", "SEARCH(m1, 'Sum')", `SEARCH takes a text between single quotes here: SEARCH('{Namespace,DimensionName} MetricName="Name"', 'Statistic') or with a period in seconds as the third, at character 8`},
		{"no statistic", "SEARCH('a', '')", `SEARCH takes a statistic, such as 'Average' or 'p99', here: SEARCH('{Namespace,DimensionName} MetricName="Name"', 'Statistic') or with a period in seconds as the third, at character 13`},
		{"a period in quotes", "SEARCH('a', 'Sum', '60')", `SEARCH takes a period in seconds here: SEARCH('{Namespace,DimensionName} MetricName="Name"', 'Statistic') or with a period in seconds as the third, at character 20`},
	} {
		if _, err := Parse(c.expression); err == nil || err.Error() != c.want {
			t.Errorf("%s: %s\n got %v\nwant %s", c.reason, c.expression, err, c.want)
		}
	}
	for expression, want := range map[string]string{
		"SEARCH('a', 'Sum', 0)":              "the period of SEARCH is whole seconds, such as 60 or 300, at character 20",
		"SEARCH('a', 'Sum', 1.5)":            "the period of SEARCH is whole seconds, such as 60 or 300, at character 20",
		"SEARCH('a', 'Sum', 1e30)":           "the period of SEARCH is whole seconds, such as 60 or 300, at character 20",
		"SEARCH('a', 'Sum', 1/0)":            "the period of SEARCH is whole seconds, such as 60 or 300, at character 20",
		"SEARCH('a', 'Sum', TIME_SERIES(1))": "SEARCH takes a period in seconds here, and gets a time series, at character 20",
	} {
		if _, err := evaluate(t, expression, Inputs{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
}

// searching answers searches with a point for each metric but the CPU's, and notes what was asked.
func searching(stat *string, period *time.Duration) Inputs {
	return Inputs{Period: 2 * time.Minute, Search: func(match func(Metric) bool, s string, p time.Duration) (out []Series, _ error) {
		*stat, *period = s, p
		for _, m := range apprunner() {
			if !match(m) {
				continue
			}
			found := Series{Metric: &m, Stat: s, Period: p}
			if m.Name != "CPUUtilization" {
				found.Points = []Point{{noon, 1}}
			}
			out = append(out, found)
		}
		return out, nil
	}}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, expression, labels, stat string
		period                           time.Duration
	}{
		{"two services", grafanaExact, "web, api", "Sum", 5 * time.Minute},
		{"any service", grafanaLoose, "web, api", "Average", time.Minute},
		{"the period of the inputs", `SEARCH('MetricName="Requests" ServiceName=web', 'p99')`, "Requests", "p99", 2 * time.Minute},
		{"services and metrics", `SEARCH('{AWS/AppRunner,ServiceID,ServiceName}', 'Sum', 60)`, "web Requests, web 2xxStatusResponses, api Requests", "Sum", time.Minute},
		{"metrics of one service", `SEARCH('{AWS/AppRunner,ServiceID,ServiceName} web', 'Sum', 60)`, "Requests, 2xxStatusResponses", "Sum", time.Minute},
		{"with an empty one", `SEARCH('Namespace="AWS/AppRunner" web', 'Sum', 60)`, "Requests, 2xxStatusResponses, i1 CPUUtilization", "Sum", time.Minute},
		{"without", `REMOVE_EMPTY(SEARCH('Namespace="AWS/AppRunner" cpu', 'Sum', 60))`, "", "Sum", time.Minute},
		{"nothing", `SEARCH('nothing', 'Sum', 60)`, "", "Sum", time.Minute},
		{"in a formula", `RATE(SEARCH('MetricName="Requests" ServiceID', 'Sum', 60)) * 60`, "web, api", "Sum", time.Minute},
		{"in double quotes", `SEARCH("ServiceName=\"web\" cpu", 'Sum', 60)`, "CPUUtilization", "Sum", time.Minute},
	} {
		var stat string
		var period time.Duration
		v, err := evaluate(t, c.expression, searching(&stat, &period))
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		labels := make([]string, len(v.Series))
		for i, s := range v.Series {
			labels[i] = s.Label
		}
		if got := strings.Join(labels, ", "); got != c.labels || stat != c.stat || period != c.period || v.Kind != Array {
			t.Errorf("%s: %q with %s of %s, want %q with %s of %s", c.reason, got, stat, period, c.labels, c.stat, c.period)
		}
	}
}

// More than CloudWatch shows is cut, and what is shown stays.
func TestSearchIsCut(t *testing.T) {
	t.Parallel()
	in := Inputs{Search: func(func(Metric) bool, string, time.Duration) ([]Series, error) {
		return make([]Series, MaxSeries+1), nil
	}}
	if v, err := evaluate(t, "SEARCH('a', 'Sum')", in); err != nil || len(v.Series) != MaxSeries {
		t.Errorf("%d series, %v", len(v.Series), err)
	}
}

func TestSetLabels(t *testing.T) {
	t.Parallel()
	web := Metric{"AWS/AppRunner", "Requests", []Dimension{{"ServiceName", "web"}, {"ServiceID", "1a"}}}
	again := Metric{"AWS/AppRunner", "Requests", []Dimension{{"ServiceName", "web"}, {"ServiceID", "3c"}}}
	api := Metric{"AWS/AppRunner", "Requests", []Dimension{{"ServiceID", "2b"}, {"ServiceName", "api"}}}
	all := Metric{"AWS/AppRunner", "Requests", nil}
	custom := Metric{"Custom", "Requests", nil}
	for _, c := range []struct {
		reason string
		series []Series
		want   string
	}{
		{"none", nil, ""},
		{"nothing to tell apart", []Series{{Metric: &web}}, "Requests"},
		{"the first dimension is enough", []Series{{Metric: &web}, {Metric: &api}}, "web, api"},
		{"it is not", []Series{{Metric: &web}, {Metric: &again}, {Metric: &api}}, "web 1a, web 3c, api 2b"},
		{"the name and the value in another order", []Series{{Metric: &api}, {Metric: &web}}, "2b, 1a"},
		{"statistics", []Series{{Metric: &web, Stat: "Sum"}, {Metric: &web, Stat: "p99"}}, "Sum, p99"},
		{"services and statistics", []Series{{Metric: &web, Stat: "Sum"}, {Metric: &web, Stat: "p99"}, {Metric: &api, Stat: "Sum"}}, "web Sum, web p99, api Sum"},
		{"namespaces", []Series{{Metric: &all}, {Metric: &custom}}, "AWS/AppRunner, Custom"},
		{"one has no dimensions", []Series{{Metric: &web}, {Metric: &all}}, "web, Requests"},
		{"the same twice", []Series{{Metric: &web}, {Metric: &web}}, "Requests, Requests"},
		{"what is computed", []Series{{Label: "e1"}, {Metric: &web}}, "e1, Requests"},
	} {
		SetLabels(c.series)
		labels := make([]string, len(c.series))
		for i, s := range c.series {
			labels[i] = s.Label
		}
		if got := strings.Join(labels, ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}

package expose

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	metricName = regexp.MustCompile(`\b(slipway|go|process)_[a-z0-9_]+`)
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
	label      = regexp.MustCompile(`\b([a-z_]+)(?:=~|=|!=|!~)"`)
	grouping   = regexp.MustCompile(`by \(([a-z_, ]+)\)`)
)

// Every metric and label that the Grafana dashboard names exists.
func TestDashboardNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("../../../dashboards/slipway.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Query any }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	families, err := Registry(&source{services: 1, instances: 1}, "v1").Gather()
	if err != nil {
		t.Fatal(err)
	}
	labels, shown := map[string]map[string]bool{}, map[string]bool{}
	for _, f := range families {
		of := map[string]bool{"le": true, "job": true, "instance": true} // what a scrape and a histogram add
		for _, pair := range f.GetMetric()[0].GetLabel() {
			of[pair.GetName()] = true
		}
		labels[f.GetName()] = of
	}
	check := func(where, expression string) {
		names := metricName.FindAllString(expression, -1)
		if len(names) == 0 {
			t.Errorf("%s: %q names no metric", where, expression)
		}
		for _, name := range names {
			of := labels[name]
			if of == nil {
				name = suffix.ReplaceAllString(name, "")
				of = labels[name]
			}
			if shown[name] = true; of == nil {
				t.Errorf("%s: there is no metric %s", where, name)
				continue
			}
			used := label.FindAllStringSubmatch(expression, -1)
			for _, by := range grouping.FindAllStringSubmatch(expression, -1) {
				for one := range strings.SplitSeq(by[1], ", ") {
					used = append(used, []string{"", one})
				}
			}
			for _, l := range used {
				if !of[l[1]] {
					t.Errorf("%s: metric %s has no label %s", where, name, l[1])
				}
			}
		}
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
		}
	}
	for _, v := range dashboard.Templating.List {
		if query, ok := v.Query.(map[string]any); ok {
			check("a variable", query["query"].(string))
		}
	}
	if len(shown) < 15 {
		t.Errorf("the dashboard shows %d metrics only", len(shown))
	}
}

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
)

// metricOptions say which metrics to print.
type metricOptions struct {
	metric    string
	since     time.Duration
	period    time.Duration
	instances bool
}

func newMetrics(g *globals) *cobra.Command {
	var opts metricOptions
	cmd := &cobra.Command{
		Use:   "metrics SERVICE",
		Short: "Print what was counted of a service: load, latency, processor and memory",
		Args:  oneArgument,
		RunE:  func(cmd *cobra.Command, args []string) error { return g.printMetrics(cmd, args[0], opts) },
	}
	f := cmd.Flags()
	f.StringVar(&opts.metric, "metric", "", "print one metric over time, such as RequestLatency, instead of a line for each")
	f.DurationVar(&opts.since, "since", time.Hour, "how long back, up to two weeks")
	f.DurationVar(&opts.period, "period", 0, "what is summed up in one point, such as 5m; by default a fitting one")
	f.BoolVar(&opts.instances, "instances", false, "each instance, too")
	return cmd
}

func (o metricOptions) query() string {
	query := url.Values{"from": {time.Now().Add(-o.since).Format(time.RFC3339Nano)}}
	if o.metric != "" {
		query.Set("metric", o.metric)
	}
	if o.period != 0 {
		query.Set("period", strconv.Itoa(int(o.period/time.Second)))
	}
	if o.instances {
		query.Set("instances", "all")
	}
	return query.Encode()
}

func (g *globals) printMetrics(cmd *cobra.Command, name string, opts metricOptions) error {
	c, err := g.connect()
	if err != nil {
		return err
	}
	body, err := c.admin(cmd.Context(), http.MethodGet, "services/"+url.PathEscape(name)+"/metrics?"+opts.query(), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	var answer admin.MetricsAnswer
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return fmt.Errorf("read the metrics of service %q: %w", name, err)
	}
	switch {
	case g.output == "json":
		return printJSON(cmd.OutOrStdout(), answer)
	case opts.metric != "":
		return printPoints(cmd.OutOrStdout(), answer)
	default:
		return printSummary(cmd.OutOrStdout(), answer)
	}
}

// printSummary prints a line for each metric.
func printSummary(out io.Writer, answer admin.MetricsAnswer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "METRIC\tUNIT\tLAST\tAVERAGE\tMINIMUM\tMAXIMUM\tSUM\tP95\tOVER TIME")
	for _, m := range answer.Metrics {
		for _, s := range m.Series {
			if len(s.Points) == 0 {
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", titleOf(m, s), m.Unit, overall(m, s, answer))
		}
	}
	return table.Flush()
}

func titleOf(m admin.Metric, s admin.MetricSeries) string {
	if s.Instance == "" {
		return m.Name
	}
	return m.Name + " [" + s.Instance[:min(8, len(s.Instance))] + "]"
}

// overall is a whole series in one line: the last point as the graph shows it, and all together.
func overall(m admin.Metric, s admin.MetricSeries, answer admin.MetricsAnswer) string {
	sum, samples, p95 := 0.0, int64(0), ""
	lowest, highest := math.Inf(1), math.Inf(-1)
	for _, p := range s.Points {
		sum, samples = sum+p.Sum, samples+p.Samples
		lowest, highest = min(lowest, p.Minimum), max(highest, p.Maximum)
		if p.P95 != nil {
			p95 = value(*p.P95) // of the last point: percentiles do not add up
		}
	}
	last := s.Points[len(s.Points)-1]
	total := ""
	if m.Unit == "Count" && last.Samples > 0 && counted(m.Name) {
		total = value(sum)
	}
	return strings.Join([]string{
		value(shownValue(m, last)), value(sum / float64(samples)), value(lowest), value(highest), total, p95, sparkline(m, s, answer),
	}, "\t")
}

// counted reports whether the sum over time of a metric means something.
func counted(metric string) bool {
	return metric == "Requests" || metric == "ColdStarts" || strings.HasSuffix(metric, "StatusResponses")
}

// shownValue is what a graph shows of a point.
func shownValue(m admin.Metric, p admin.MetricPoint) float64 {
	if counted(m.Name) {
		return p.Sum
	}
	return p.Average
}

func value(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

// sparkWidth is how many characters a small graph has at most.
const sparkWidth = 40

var sparks = []rune("▁▂▃▄▅▆▇█")

// sparkline is a small graph of a series. A space is a time of which nothing is known.
func sparkline(m admin.Metric, s admin.MetricSeries, answer admin.MetricsAnswer) string {
	span := answer.To.Sub(answer.From)
	if span <= 0 {
		return ""
	}
	width := int(max(1, min(sparkWidth, span/(time.Duration(answer.Period)*time.Second))))
	highest, columns := 0.0, make([]float64, width)
	for i := range columns {
		columns[i] = -1
	}
	for _, p := range s.Points {
		at := int(float64(width) * p.Time.Sub(answer.From).Seconds() / span.Seconds())
		at = max(0, min(width-1, at))
		columns[at] = max(columns[at], shownValue(m, p))
		highest = max(highest, columns[at])
	}
	line := make([]rune, width)
	for i, v := range columns {
		switch {
		case v < 0:
			line[i] = ' '
		case highest == 0:
			line[i] = sparks[0]
		default:
			line[i] = sparks[int(v/highest*float64(len(sparks)-1))]
		}
	}
	return string(line)
}

// printPoints prints the points of each series.
func printPoints(out io.Writer, answer admin.MetricsAnswer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range answer.Metrics {
		for _, s := range m.Series {
			fmt.Fprintf(table, "%s, %s, in periods of %s\n", titleOf(m, s), m.Unit, time.Duration(answer.Period)*time.Second)
			fmt.Fprintln(table, "TIME\tSAMPLES\tSUM\tAVERAGE\tMINIMUM\tMAXIMUM\tP50\tP95\tP99")
			for _, p := range s.Points {
				fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Time.Local().Format(time.DateTime), p.Samples,
					value(p.Sum), value(p.Average), value(p.Minimum), value(p.Maximum), optional(p.P50), optional(p.P95), optional(p.P99))
			}
		}
	}
	return table.Flush()
}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return value(*v)
}

package formula

import "strings"

// SetLabels gives series of metrics labels that tell them apart, as CloudWatch does where nobody names
// them: as few as necessary of the values of their dimensions, the name of the metric, the statistic and
// the namespace, in this order ("web Requests"). Where there is nothing to tell apart it is the name of
// the metric. Series that are of no metric keep their labels.
func SetLabels(series []Series) {
	var all []*Series
	for i := range series {
		if series[i].Metric != nil {
			all = append(all, &series[i])
		}
	}
	labels := make([]string, len(all))
	for _, part := range parts(all) {
		longer := make([]string, len(all))
		for i, s := range all {
			longer[i] = strings.TrimSpace(labels[i] + " " + part(s))
		}
		if distinct(longer) > distinct(labels) {
			labels = longer
		}
	}
	for i, s := range all {
		if s.Label = labels[i]; s.Label == "" {
			s.Label = s.Metric.Name
		}
	}
}

// parts are what may be in a label, dimensions in the order in which they are first met.
func parts(all []*Series) []func(*Series) string {
	var out []func(*Series) string
	seen := map[string]bool{}
	for _, s := range all {
		for _, d := range s.Metric.Dimensions {
			if !seen[d.Name] {
				seen[d.Name] = true
				out = append(out, func(s *Series) string { return s.Metric.dimension(d.Name) })
			}
		}
	}
	return append(out,
		func(s *Series) string { return s.Metric.Name },
		func(s *Series) string { return s.Stat },
		func(s *Series) string { return s.Metric.Namespace })
}

// dimension returns the value of a dimension, "" when there is none of the name.
func (m *Metric) dimension(name string) string {
	for _, d := range m.Dimensions {
		if d.Name == name {
			return d.Value
		}
	}
	return ""
}

func distinct(labels []string) int {
	seen := map[string]bool{}
	for _, l := range labels {
		seen[l] = true
	}
	return len(seen)
}

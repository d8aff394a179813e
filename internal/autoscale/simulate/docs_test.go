package simulate

import (
	"fmt"
	"math"
	"strings"
)

// table is the comparison in Markdown.
func table(all []comparison) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| Load | Policy | refused (429) | p99 wait, ms | p99.9 wait, ms | most waiting | instance-seconds | beyond need | changes |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|---|---|---|")
	var knative, slipway result
	for _, c := range all {
		row(&b, c.trace.name+": "+c.trace.what, "Slipway", c.slipway)
		row(&b, "", "Knative", c.knative)
		knative.add(c.knative)
		slipway.add(c.slipway)
	}
	row(&b, "**all**", "Slipway", slipway)
	row(&b, "", "Knative", knative)
	return b.String()
}

func row(b *strings.Builder, name, policy string, r result) {
	fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %d | %.0f | %.0f | %d |\n", name, policy, r.refused/rounds,
		r.wait(0.99).Milliseconds(), r.wait(0.999).Milliseconds(), r.waiting,
		r.instanceSeconds/rounds, r.overshoot/rounds, r.changes/rounds)
}

// Measures of the picture, in pixels.
const (
	width, height = 880, 150 // of a panel
	left, top     = 40, 30
	bottom        = 20
)

// draw is the picture: for each trace the instances over time, over what the load needs.
func draw(all []comparison) string {
	var b strings.Builder
	full := len(all)*(height+top+bottom) + 30
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		width+left+20, full, width+left+20, full)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width+left+20, full)
	fmt.Fprintf(&b, `<rect x="%d" y="8" width="12" height="12" fill="#d5dbdb"/><text x="%d" y="19" fill="#16191f">what the load needs</text>`+"\n", left, left+18)
	fmt.Fprintf(&b, `<path d="M%d 14h24" stroke="#0972d3" stroke-width="2"/><text x="%d" y="19" fill="#16191f">Slipway</text>`+"\n", left+160, left+190)
	fmt.Fprintf(&b, `<path d="M%d 14h24" stroke="#d45b07" stroke-width="2" stroke-dasharray="5 3"/><text x="%d" y="19" fill="#16191f">Knative's policy</text>`+"\n", left+260, left+290)
	for i, c := range all {
		panel(&b, c, 30+i*(height+top+bottom)+top)
	}
	fmt.Fprintln(&b, "</svg>")
	return b.String()
}

// panel draws one trace, with its upper edge at y.
func panel(b *strings.Builder, c comparison, y int) {
	seconds := len(c.slipway.sizes)
	most := 1
	needed := make([]int, seconds)
	for i := range seconds {
		needed[i] = max(minSize, int(math.Ceil(c.slipway.loads[i]/maxConcurrency)))
		most = max(most, needed[i], c.slipway.sizes[i], c.knative.sizes[i])
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#16191f"><tspan font-weight="bold">%s</tspan>: %s</text>`+"\n", left, y-8, c.trace.name, c.trace.what)
	fmt.Fprintf(b, `<path d="%sV%dH%dZ" fill="#d5dbdb"/>`+"\n", line(needed, most, y), y+height, left)
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="#d45b07" stroke-width="1.5" stroke-dasharray="5 3"/>`+"\n", line(c.knative.sizes, most, y))
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="#0972d3" stroke-width="1.5"/>`+"\n", line(c.slipway.sizes, most, y))
	fmt.Fprintf(b, `<path d="M%d %dV%dH%d" fill="none" stroke="#687078"/>`+"\n", left, y, y+height, left+width)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#687078">%d</text><text x="%d" y="%d" text-anchor="end" fill="#687078">0</text>`+"\n", left-6, y+10, most, left-6, y+height)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#687078">%d minutes</text>`+"\n", left+width, y+height+14, seconds/60)
}

// every is how many seconds one step of a line has.
const every = 3

// line is a path of steps; each is the most of its seconds.
func line(values []int, most, y int) string {
	var b strings.Builder
	for i := 0; i < len(values); i += every {
		value := 0
		for _, v := range values[i:min(i+every, len(values))] {
			value = max(value, v)
		}
		up := y + height - value*height/most
		if i == 0 {
			fmt.Fprintf(&b, "M %d , %d ", left, up)
		}
		fmt.Fprintf(&b, "V %d H %d ", up, left+min(i+every, len(values))*width/len(values))
	}
	return b.String()
}

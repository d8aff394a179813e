package main

import (
	"fmt"
	"strings"
)

// Sizes of the picture, in its own units.
const (
	width, left, right = 720, 130, 90
	bar, gap, top      = 22, 10, 46
)

// draw makes a picture of requests per second: one bar for each proxy.
func draw(all map[string]contender) string {
	most := 1.0
	var names []string
	for _, name := range order {
		if c, ok := all[name]; ok && name != "direct" {
			names, most = append(names, name), max(most, c.Rate)
		}
	}
	height := top + len(names)*(bar+gap) + gap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="14" role="img">`+"\n", width, height)
	b.WriteString("<title>Requests per second through the router, 64 connections</title>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="26" fill="#16191f" font-weight="bold">Requests per second through the router, 64 connections</text>`+"\n", gap)
	for i, name := range names {
		y, length, color := top+i*(bar+gap), all[name].Rate/most*(width-left-right), "#8d99a8"
		if name == "slipway" {
			color = "#0972d3"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#16191f">%s</text>`+"\n", left-gap, y+16, name)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.0f" height="%d" rx="2" fill="%s"/>`+"\n", left, y, length, bar, color)
		fmt.Fprintf(&b, `<text x="%.0f" y="%d" fill="#16191f">%.0f</text>`+"\n", left+length+8, y+16, all[name].Rate)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

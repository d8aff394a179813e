package formula

import "strings"

// literal is a text between quotes, without what the quotes needed.
type literal struct {
	text  string
	place func(at int) int // the character of the expression that a byte of the text comes from
}

// literal reads a text between quotes of either sort. A backslash before the quote is taken away; others
// stay for who reads the text.
func (p *parser) literal() *literal {
	start, quote := p.at, p.peek()
	var text strings.Builder
	var from []int
	for p.at++; p.peek() != quote; p.at++ {
		switch {
		case p.done():
			p.failAt(start, "the text that begins with %c does not end", quote)
			return nil
		case p.peek() == '\\' && p.at+1 < len(p.text):
			if p.text[p.at+1] != quote {
				text.WriteByte('\\')
				from = append(from, p.at)
			}
			p.at++
		}
		text.WriteByte(p.peek())
		from = append(from, p.at)
	}
	from = append(from, p.at)
	p.at++
	return &literal{text.String(), func(at int) int { return p.place(from[at]) }}
}

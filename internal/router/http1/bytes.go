package http1

import "bytes"

// isToken tells which bytes names and methods consist of (RFC 9110, section 5.6.2).
var isToken = table("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

// isHost tells which bytes a host with port consists of (RFC 3986, section 3.2.2).
var isHost = table("!$%&'()*+,-.:;=[]_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

func table(members string) (is [256]bool) {
	for i := range len(members) {
		is[members[i]] = true
	}
	return is
}

func all(b []byte, is *[256]bool) bool {
	for _, c := range b {
		if !is[c] {
			return false
		}
	}
	return true
}

// isValue tells which bytes a header's value may have: all but control characters, tab excepted.
var isValue = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= ' ' && c != 0x7f || c == '\t'
	}
	return is
}()

// EqualFold compares ASCII without case. Unlike bytes.EqualFold it takes no other letter for one of them.
func EqualFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// Element cuts the first element off a list with commas.
func Element(list []byte) (element, rest []byte) {
	if before, after, ok := bytes.Cut(list, []byte{','}); ok {
		return trim(before), after
	}
	return trim(list), nil
}

// Lists reports whether a list with commas has an element, which is given in lower case.
func Lists(list []byte, lower string) bool {
	for len(list) > 0 {
		var element []byte
		element, list = Element(list)
		if EqualFold(element, lower) {
			return true
		}
	}
	return false
}

// number reads decimal digits and nothing else.
func number(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

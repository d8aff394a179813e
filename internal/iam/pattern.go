package iam

import "strings"

// glob reports whether text matches a pattern in which * stands for any characters and ? for one.
// It goes back to the last star only, so its time is bounded by the product of the lengths.
func glob(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// arnParts is how many parts an ARN has: arn:partition:service:region:account:resource.
const arnParts = 6

// globARN matches each part of an ARN for itself, so that no star reaches over a colon into the next
// part.
func globARN(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	for range arnParts - 1 {
		want, morePattern, ok := strings.Cut(pattern, ":")
		got, moreARN, alsoOK := strings.Cut(arn, ":")
		if !ok || !alsoOK || !glob(want, got) {
			return false
		}
		pattern, arn = morePattern, moreARN
	}
	return glob(pattern, arn)
}

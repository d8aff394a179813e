package apprunner

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Prefix is a range of IP addresses.
type Prefix = netip.Prefix

func choice[T ~string](value string, allowed ...T) (T, error) {
	var names []string
	for _, a := range allowed {
		if string(a) == value {
			return a, nil
		}
		names = append(names, string(a))
	}
	return "", fmt.Errorf("it is one of %s", strings.Join(names, ", "))
}

func onOff(value string) (bool, error) {
	switch value {
	case "on", "true":
		return true, nil
	case "off", "false":
		return false, nil
	default:
		return false, errors.New("it is on or off")
	}
}

// duration reads a time such as "90s", "10m" or "1h30m".
func duration(value string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("it is a time from %s to %s, such as 90s, 10m or 1h30m", plain(least), plain(most))
	}
	return d, nil
}

// plain is a duration without the units that are zero: "24h", not "24h0m0s".
func plain(d time.Duration) string {
	s := d.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "" || !strings.ContainsAny(s[len(s)-1:], "hms") {
		return d.String()
	}
	return s
}

func percent(value string) (float64, error) {
	p, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
	if err != nil || !(p >= 1 && p <= 100) {
		return 0, errors.New("it is a share from 1% to 100%")
	}
	return p, nil
}

func rate(value string) (float64, error) {
	r, err := strconv.ParseFloat(value, 64)
	if err != nil || !(r > 0) || math.IsInf(r, 0) {
		return 0, errors.New("it is a number of requests per second and instance, above 0")
	}
	return r, nil
}

// canary reads "10%/2m".
func canary(value string) (Canary, error) {
	share, span, _ := strings.Cut(value, "/")
	p, err := strconv.Atoi(strings.TrimSuffix(share, "%"))
	d, timeErr := duration(span, 10*time.Second, 24*time.Hour)
	if err != nil || timeErr != nil || p < 1 || p > 99 {
		return Canary{}, errors.New("it is a share from 1% to 99% and a time from 10s to 24h, such as 10%/2m")
	}
	return Canary{Percent: p, For: d}, nil
}

// hsts reads how long browsers shall insist on HTTPS; "on" is half a year.
func hsts(value string) (time.Duration, error) {
	if on, err := onOff(value); err == nil {
		if on {
			return 180 * 24 * time.Hour, nil
		}
		return 0, nil
	}
	d, err := duration(value, time.Second, 2*365*24*time.Hour)
	if err != nil {
		return 0, errors.New("it is on, off or a time such as 24h, at most 17520h")
	}
	return d, nil
}

// prefixes reads addresses and ranges, separated by commas or spaces.
func prefixes(value string) ([]Prefix, error) {
	var all []Prefix
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(word)
		if a, single := netip.ParseAddr(word); single == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an IP address nor a range such as 10.0.0.0/8", word)
		}
		all = append(all, p.Masked())
	}
	if len(all) == 0 {
		return nil, errors.New("it is IP addresses and ranges, such as 10.0.0.0/8,192.0.2.7")
	}
	return all, nil
}

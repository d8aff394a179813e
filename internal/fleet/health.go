package fleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// badStatus is an answer that a health check does not take for healthy.
type badStatus struct {
	code int
	line string // the first of the body
}

func (e *badStatus) Error() string {
	if e.line == "" {
		return fmt.Sprintf("answered status %d", e.code)
	}
	return fmt.Sprintf("answered status %d: %q", e.code, e.line)
}

// prober checks an instance once.
type prober func(ctx context.Context, check apprunner.HealthCheck, target netip.AddrPort) error

// probe is the prober that uses the network.
func probe(ctx context.Context, check apprunner.HealthCheck, target netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, check.Timeout)
	defer cancel()
	if check.Protocol == apprunner.HealthHTTP {
		url, err := check.Target()
		if err != nil {
			return err
		}
		url.Scheme, url.Host = "http", target.String()
		return probeHTTP(ctx, url.String())
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target.String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// healthClient makes a connection for every check, follows no redirect and uses no proxy.
var healthClient = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func probeHTTP(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "Slipway-HealthCheck/1.0")
	response, err := healthClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 200 && response.StatusCode < 400 {
		return nil
	}
	line, _, _ := bufio.NewReaderSize(io.LimitReader(response.Body, 200), 200).ReadLine()
	return &badStatus{code: response.StatusCode, line: string(line)}
}

// Pauses between the checks of an instance that was never healthy: short at first, so that an
// application that starts at once serves at once.
const (
	firstPause   = 2 * time.Millisecond
	longestPause = 200 * time.Millisecond
)

// becomeHealthy checks a new instance, at once, then fast until the first success, and then at
// its interval until it is healthy. It gives up
// when the process ends; when the application runs but is wrong (it listens elsewhere, or answers
// badly) at Unhealthy checks in a row, an interval apart; and at the start timeout.
func (m *member) becomeHealthy(ctx context.Context) error {
	check := m.revision.Spec.Health
	deadline := time.Now().Add(m.group.fleet.opts.StartTimeout)
	good, bad, pause, counted := 0, 0, firstPause, time.Now()
	answered := false // it was healthy once: from then on it is checked at its interval
	for {
		err := m.group.fleet.probe(ctx, check, m.target())
		if err == nil {
			if good++; good >= check.Healthy {
				return nil
			}
			answered, pause = true, check.Interval
		} else {
			good = 0
		}
		if err != nil && time.Since(counted) >= check.Interval {
			counted = time.Now()
			if m.isWrong(ctx, err) {
				bad++
			} else {
				bad = 0
			}
		}
		// Checks that succeed may go on beyond the deadline: many of them, far apart, take longer.
		if err != nil && (bad >= check.Unhealthy || time.Now().After(deadline)) {
			return m.whyUnhealthy(ctx, err)
		}
		select {
		case <-m.gone:
			return m.exitFailure()
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			if !answered {
				pause = min(pause*3/2, longestPause)
			}
		}
	}
}

// isWrong reports whether the application shows that it has started and still fails its check.
func (m *member) isWrong(ctx context.Context, err error) bool {
	if _, ok := errors.AsType[*badStatus](err); ok {
		return true
	}
	listeners, lerr := m.group.fleet.engine.Listening(ctx, m.id)
	return lerr == nil && len(listeners) > 0
}

// stayHealthy checks a healthy instance at its interval and returns why it no longer is. Checks
// that the router asks for find out sooner, but all of them in half an interval count as one.
func (m *member) stayHealthy(ctx context.Context) error {
	check := m.revision.Spec.Health
	ticker := time.NewTicker(check.Interval)
	defer ticker.Stop()
	bad, counted := 0, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-m.gone:
			return m.exitFailure()
		case <-m.check:
		case <-ticker.C:
		}
		now := time.Now()
		known, err := m.probeAsleep(ctx, check)
		if err == nil {
			bad = 0
		}
		if err == nil || !known {
			continue
		}
		if now.Sub(counted) < check.Interval/2 {
			continue
		}
		counted = now
		if bad++; bad >= check.Unhealthy && ctx.Err() == nil {
			return m.whyUnhealthy(ctx, err)
		}
	}
}

// probeAsleep is a check that takes into account that the instance may sleep. A frozen instance cannot
// answer: nothing is known of it. A throttled one that does not gets its CPU back and another check.
func (m *member) probeAsleep(ctx context.Context, check apprunner.HealthCheck) (known bool, err error) {
	probe := m.group.fleet.probe
	naps := m.naps.Load()
	if m.sleeps() == apprunner.IdleFreeze {
		return false, nil
	}
	if err = probe(ctx, check, m.target()); err == nil {
		return true, nil
	}
	if m.sleeps() == apprunner.IdleThrottle {
		m.wake()
		return true, probe(ctx, check, m.target())
	}
	return m.naps.Load() == naps, err // it may have fallen asleep meanwhile, and be awake again
}

// exitNews is how long the news of an exit may take. A process that ended refuses connections
// before, and why it ended says more.
const exitNews = 500 * time.Millisecond

func (m *member) whyUnhealthy(ctx context.Context, err error) error {
	select {
	case <-m.gone:
		return m.exitFailure()
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(exitNews):
		return m.unhealthyFailure(ctx, err)
	}
}

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

func sameAddr(a, b netip.Addr) bool { return a == b }

func errorsJoin(errs ...error) error { return errors.Join(errs...) }

func (s *suite) startOnly(t *testing.T, id string) error {
	_, err := s.Engine.Start(t.Context(), id)
	return err
}

func (s *suite) wantState(t *testing.T, id string, want engine.State) {
	t.Helper()
	inst, err := s.Engine.Inspect(t.Context(), id)
	if err != nil || inst.State != want {
		t.Errorf("Inspect: state %s, %v, want %s", inst.State, err, want)
	}
}

// answersWithin reports whether the application answers in a short time.
func (s *suite) answersWithin(t *testing.T, inst engine.Instance, d time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	u := "http://" + netip.AddrPortFrom(inst.Address, 8080).String() + "/status"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

func joined(lines []engine.Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Text + "\n")
	}
	return b.String()
}

func wantText(lines []engine.Line, text string) error {
	if all := joined(lines); !strings.Contains(all, text) {
		return fmt.Errorf("output %q lacks %q", all, text)
	}
	return nil
}

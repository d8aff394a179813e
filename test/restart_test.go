package test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	service := start(t, s)
	l := s.Load(service, kit.LoadOptions{})
	posts := s.Load(service, kit.LoadOptions{Method: "POST", Body: "x"})
	time.Sleep(300 * time.Millisecond)
	for range 3 {
		begin := time.Now()
		s.Replace(kit.Binary("slipway"))
		t.Logf("it took %v", time.Since(begin))
		time.Sleep(300 * time.Millisecond)
	}
	l.End(t, "restarts")
	posts.End(t, "restarts, POST")
}

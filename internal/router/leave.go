package router

import (
	"context"
	"time"
)

// leavePoll is how often Leave looks whether somebody is left.
const leavePoll = 20 * time.Millisecond

// Leave ends a server whose listener another process serves from now on: it accepts no connection any
// more, and returns when the last one that it has is gone.
//
// A client must never find its connection closed under a request that it is just sending. So every
// connection may have one more, whose response says that the connection ends; HTTP/2 has a message for
// that. One that stays idle ends as always. Connections that were upgraded go on. An error tells that ctx
// ended before all were gone; Shutdown and Close end what is left.
func (s *Server) Leave(ctx context.Context) error {
	s.leaving.Store(true)
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.mu.Unlock()
	s.rare.SetKeepAlivesEnabled(false)
	ticker := time.NewTicker(leavePoll)
	defer ticker.Stop()
	for s.greeting.Load() > 0 || len(s.connections()) > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.rare.Shutdown(ctx)
}

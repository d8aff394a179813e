package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// serveScrapes answers Prometheus on a listener of its own, if there is one, until ctx ends.
func (d *Daemon) serveScrapes(ctx context.Context) {
	if d.scrapes == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle(metricsPath, d.exposed)
	l, err := again(d.scrapes) // another daemon may take it over
	if err == nil {
		err = serveWhile(ctx, &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, l)
	}
	if err != nil {
		d.log.Error("Prometheus finds no metrics any more", "error", err)
	}
}

// lastAnswers is how long requests have that are under way when what answers them ends.
const lastAnswers = time.Second

// serveWhile serves a listener until ctx ends. An error tells that it broke before.
func serveWhile(ctx context.Context, server *http.Server, l net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

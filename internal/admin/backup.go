package admin

import (
	"context"
	"io"
	"net/http"
)

// Backups write everything that Slipway must remember, keys included.
type Backups interface {
	Backup(ctx context.Context, to io.Writer) error
}

// backup streams a backup. One that fails half-way is cut off, so that nobody takes it for a whole one.
func (a *API) backup(c call) error {
	if err := a.may(c, "Backup", "*"); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/zstd")
	out := &begun{Writer: c.w}
	err := a.Backups.Backup(c.r.Context(), out)
	if err == nil || !out.any {
		return err
	}
	if c.r.Context().Err() == nil {
		a.Log.Error("a backup was not finished", "error", err)
	}
	panic(http.ErrAbortHandler)
}

// begun remembers whether anything was written.
type begun struct {
	io.Writer
	any bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.any = true
	return b.Writer.Write(p)
}

package daemon

import (
	"context"
	"io"
	"time"

	"github.com/slipway-run/slipway/internal/backup"
)

// Backup implements admin.Backups. Nothing is swept meanwhile: what the copy of the database names must
// still be there when its turn comes.
func (d *Daemon) Backup(ctx context.Context, to io.Writer) error {
	d.sweeping.RLock()
	defer d.sweeping.RUnlock()
	began := time.Now()
	err := backup.Source{
		Dir: d.config.DataDir, Snapshot: d.store.Snapshot,
		About: backup.About{Version: d.config.Version, Time: began.UTC(), Region: d.config.Region, Account: d.config.Account, Domain: d.config.Domain},
	}.Write(ctx, to)
	if err == nil {
		d.log.Info("wrote a backup", "took", time.Since(began))
	}
	return err
}

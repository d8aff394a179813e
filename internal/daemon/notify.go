package daemon

import (
	"fmt"
	"os"

	manager "github.com/coreos/go-systemd/v22/daemon"
)

// tellManager tells systemd, if that started Slipway as Type=notify, that this process serves and is the
// main one of the service, also when another process started it.
func (d *Daemon) tellManager() {
	if _, err := manager.SdNotify(false, fmt.Sprintf("MAINPID=%d\nREADY=1", os.Getpid())); err != nil {
		d.log.Warn("systemd was not told that Slipway is ready", "error", err)
	}
}

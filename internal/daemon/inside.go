package daemon

import (
	"context"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/handover"
)

// holdInside lets the connections of instances wait for the next daemon. Those that were taken are answered.
func (d *Daemon) holdInside() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), lastAnswers)
	defer cancel()
	d.engine.HoldInside(ctx)
}

// atOnce is how many listeners are passed in a message.
const atOnce = 50

// passInside gives the listeners inside of instances to a successor. One that does not get them opens its
// own: then these must not be in the way.
func (d *Daemon) passInside(conn *handover.Conn) {
	all := d.left
	d.left = nil
	defer closeInside(all)
	for some := range slices.Chunk(all, atOnce) {
		var of insideOf
		var attached []syscall.Conn
		for _, l := range some {
			of.Instances = append(of.Instances, l.ID)
			attached = append(attached, l)
		}
		if err := conn.Send(sayInside, of, attached...); err != nil {
			d.log.Warn("applications cannot reach their credentials for a moment", "error", err)
			return
		}
	}
}

// enterInside takes them.
func (d *Daemon) enterInside(m handover.Message, files []*os.File) {
	var of insideOf
	if err := m.Read(&of); err != nil || len(of.Instances) != len(files) {
		handover.CloseAll(files)
		return
	}
	for i, file := range files {
		l, err := listenerOf(file)
		if err != nil {
			d.log.Warn("a listener inside of an instance was not taken over", "instance", of.Instances[i], "error", err)
			continue
		}
		d.entered = append(d.entered, containerd.Inside{ID: of.Instances[i], TCPListener: l.(*net.TCPListener)})
	}
}

func closeInside(all []containerd.Inside) {
	for _, l := range all {
		_ = l.Close()
	}
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/slipway-run/slipway/internal/handover"
	"github.com/slipway-run/slipway/internal/telemetry"
)

// enterPatience is how long the data directory may be taken by a daemon that just ends, or starts.
const enterPatience = 15 * time.Second

// enter makes this the daemon of the data directory, or meets the one that is.
func (d *Daemon) enter() (err error) {
	if err := os.MkdirAll(d.config.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	for deadline := time.Now().Add(enterPatience); ; time.Sleep(20 * time.Millisecond) {
		d.lock, err = lock(d.config.DataDir)
		if err == nil || !d.config.TakeOver || !errors.Is(err, errLocked) {
			return err
		}
		if err = d.meet(); !errors.Is(err, errAway) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("take over from the Slipway in %s: %w. One that cannot be replaced, because it is older, ends at SIGTERM and leaves applications running", d.config.DataDir, err)
		}
	}
}

// errAway tells that there is no daemon to talk to at the moment.
var errAway = errors.New("nobody answers")

// meet gets the listeners of the daemon that runs. It goes on serving.
func (d *Daemon) meet() error {
	conn, err := handover.Dial(d.ctx, d.config.DataDir)
	if err != nil {
		return errors.Join(errAway, err)
	}
	m, files, err := ask(conn, takeOver{protocol, os.Getpid(), true})
	if err != nil {
		return errors.Join(errAway, err, conn.Close())
	}
	var all sockets
	if m.Kind != sayListeners {
		err = refusal(m)
	} else if err = m.Read(&all); err == nil && len(all.Doors) != len(files) {
		err = fmt.Errorf("take over: %d listeners came instead of %d", len(files), len(all.Doors))
	}
	if err != nil {
		handover.CloseAll(files)
		return errors.Join(err, conn.Close())
	}
	d.handed = map[string]inherited{}
	for i, door := range all.Doors {
		l, failed := listenerOf(files[i])
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("take over the listener %q: %w", door.Name, failed))
			continue
		}
		d.handed[door.Name] = inherited{l, door.Address}
	}
	d.log.Info("taking over from the daemon that runs", "pid", all.PID)
	d.last = newPredecessor(conn, d.hear, d.keepRequests, d.log)
	return err
}

func ask(conn *handover.Conn, t takeOver) (handover.Message, []*os.File, error) {
	if err := conn.Send(sayTakeOver, t); err != nil {
		return handover.Message{}, nil, err
	}
	return conn.Receive()
}

// refusal is why the other side does not do what it was asked for.
func refusal(m handover.Message) error {
	var why refused
	switch {
	case m.Kind == sayRefused && m.Read(&why) == nil && why.Busy:
		return fmt.Errorf("%w: %s", errAway, why.Reason)
	case m.Kind == sayRefused && m.Read(&why) == nil:
		return errors.New(why.Reason)
	}
	return fmt.Errorf("the Slipway that runs answers %q, which this version does not know: stop it with SIGTERM, which leaves applications running, and start this one", m.Kind)
}

// take gets the store and the fleet from the daemon that was met. When that one is killed meanwhile, the data
// directory is free, or another daemon has it.
func (d *Daemon) take() error {
	for d.last != nil {
		dieAt("TAKE_OVER:listeners")
		err := d.last.conn.Send(sayTake, nil)
		if err == nil {
			err = d.receiveLock()
		}
		if err == nil {
			dieAt("TAKE_OVER:given")
			return nil // Run listens to it
		}
		d.log.Warn("the daemon to take over from was lost", "error", err)
		_ = d.last.conn.Close()
		d.last = nil
		if err := d.enter(); err != nil {
			return err
		}
		for _, l := range d.handed { // the sockets are those that this process has
			_ = l.Close()
		}
		d.handed = nil
	}
	return nil
}

func (d *Daemon) receiveLock() error {
	for {
		m, files, err := d.last.conn.Receive()
		if err != nil {
			return err
		}
		switch {
		case m.Kind == sayGiven && len(files) == 1:
			d.lock = files[0]
			return sign(d.lock)
		case m.Kind == sayInside:
			d.enterInside(m, files)
		default:
			handover.CloseAll(files)
		}
	}
}

// hear is told what the router of the daemon that was replaced found out.
func (d *Daemon) hear(kind string, n news) {
	switch kind {
	case sayFailed:
		d.fleet.InstanceFailed(n.ServiceID, n.InstanceID)
	case sayWake:
		d.fleet.Wake(n.ServiceID, n.InstanceID)
	case sayDemand:
		d.fleet.Demanded(n.ServiceID)
	}
}

// keepRequests keeps lines of the access log of the daemon that was replaced.
func (d *Daemon) keepRequests(w requestWords) {
	if err := d.logs.Access(telemetry.Service{Name: w.Service, ID: w.ServiceID}, []byte(w.Lines)); err != nil {
		d.log.Warn("lines of an access log are lost", "service", w.Service, "error", err)
	}
}

// endLast has the daemon that was replaced end with this one, and waits for it.
func (d *Daemon) endLast(ctx context.Context) {
	d.last.tell(sayBye, nil)
	d.last.await(ctx)
}

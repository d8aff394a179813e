package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/handover"
)

const (
	// pushPatience is how long a successor waits for source code that is being pushed.
	pushPatience = 2 * time.Minute
	// callPatience is how long it waits for calls of the API.
	callPatience = 10 * time.Second
	// hurryTime is how long idle clients have when a daemon that was replaced is to end because the next
	// successor waits.
	hurryTime = 2 * time.Second
)

// succession is what a daemon knows of the one that takes over from it.
type succession struct {
	busy    atomic.Bool                   // somebody takes over
	given   atomic.Bool                   // somebody has the store and the fleet
	news    chan news                     // for whoever has them
	served  chan int                      // the process that took over
	settled func()                        // ends the search for another one; guarded by busy
	keeper  atomic.Pointer[handover.Conn] // of who keeps the access logs; nil for this daemon
}

func newSuccession() *succession {
	return &succession{news: make(chan news, 64), served: make(chan int, 1), settled: func() {}}
}

// pass tells a successor what the router found out, if there is one. It does not block.
func (s *succession) pass(kind, serviceID, instanceID string) bool {
	if !s.given.Load() {
		return false
	}
	select {
	case s.news <- news{kind: kind, ServiceID: serviceID, InstanceID: instanceID}:
	default: // it will find out itself
	}
	return true
}

// keep has a successor keep lines of an access log. It is false when there is none that does.
func (s *succession) keep(serviceID, name string, lines []byte) bool {
	conn := s.keeper.Load()
	return conn != nil && conn.Send(sayRequests, requestWords{serviceID, name, string(lines)}) == nil
}

// talk answers other processes until ctx ends.
func (d *Daemon) talk(ctx context.Context) error {
	l, err := handover.Listen(d.config.DataDir)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	d.front.work.Go(func() {
		defer stop()
		defer l.Close()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.front.work.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				d.converse(ctx, conn)
			})
		}
	})
	return nil
}

// errBusy tells that a daemon is replaced by one process at a time.
var errBusy = errors.New("another process is taking over already")

func (d *Daemon) converse(ctx context.Context, conn *handover.Conn) {
	m, files, err := conn.Receive()
	handover.CloseAll(files)
	if err != nil {
		return
	}
	switch m.Kind {
	case sayTakeOver:
		err = d.handOver(ctx, conn, m)
	case sayRestart:
		err = d.restart(ctx, conn, m)
	default:
		err = fmt.Errorf("this version of Slipway does not know %q", m.Kind)
	}
	if err != nil {
		d.log.Error("a process was refused", "asked", m.Kind, "error", err)
		_ = conn.Send(sayRefused, refused{err.Error(), errors.Is(err, errBusy)})
	}
}

// handOver has a successor take the place of this daemon. Until the successor has the store, this daemon is
// as it was if anything goes wrong; afterwards it starts one that works.
func (d *Daemon) handOver(ctx context.Context, conn *handover.Conn, m handover.Message) error {
	var who takeOver
	if err := m.Read(&who); err != nil {
		return err
	}
	if who.Protocol != protocol {
		return fmt.Errorf("process %d cannot take over: it speaks version %d of the protocol and this daemon version %d. Stop this daemon with SIGTERM, which leaves applications running, and start the other", who.PID, who.Protocol, protocol)
	}
	next, err := openProcess(who.PID)
	if err != nil {
		return err
	}
	defer next.close()
	if d.succession.busy.Swap(true) {
		return errBusy
	}
	if err := d.offer(conn); err != nil {
		d.succession.busy.Store(false)
		return err
	}
	// Until it asks, it can still find out that it cannot.
	if m, _, err := conn.Receive(); err != nil || m.Kind != sayTake {
		d.log.Warn("a process did not take over after all", "pid", who.PID, "error", err)
		d.succession.busy.Store(false)
		return nil
	}
	dieAt("HAND_OVER:asked")
	d.give(ctx)
	dieAt("HAND_OVER:gave")
	if ctx.Err() != nil {
		return nil // this daemon ends, and the successor finds the data directory free
	}
	d.log.Info("another process takes over", "pid", who.PID)
	d.passInside(conn)
	if err := conn.Send(sayGiven, nil, d.lock); err != nil {
		d.reclaim(ctx)
		return nil
	}
	d.succession.settled()
	dieAt("HAND_OVER:given")
	if who.Requests {
		d.succession.keeper.Store(conn)
	}
	d.linger(ctx, conn, next)
	return nil
}

// offer sends the listeners.
func (d *Daemon) offer(conn *handover.Conn) error {
	all := sockets{PID: os.Getpid()}
	var attached []syscall.Conn
	for _, door := range d.doors() {
		if *door.to == nil {
			continue
		}
		address := door.address
		if d.fixed[door.name] {
			address = ""
		}
		all.Doors = append(all.Doors, socketDoor{door.name, address})
		attached = append(attached, (*door.to).(syscall.Conn))
	}
	return conn.Send(sayListeners, all, attached...)
}

// give lets go of everything but the clients. It can be done again.
func (d *Daemon) give(ctx context.Context) {
	if d.succession.given.Load() {
		return
	}
	// Only two at a time: the one before this daemon has to end.
	d.last.tell(sayHurry, nil)
	ending, cancel := context.WithTimeout(ctx, hurryTime+apprunner.RequestTimeout+drainTime)
	d.last.await(ending)
	cancel()
	if d.last != nil {
		_ = d.last.conn.Close()
	}
	pushes, cancel := context.WithTimeout(ctx, pushPatience)
	d.front.door.awaitPushes(pushes)
	cancel()
	d.front.leaveAPI()
	calls, cancel := context.WithTimeout(ctx, callPatience)
	d.front.door.give(calls)
	cancel()
	d.succession.given.Store(true)
	if d.accessLog != nil {
		d.accessLog.Hurry() // the successor has its lines follow
	}
	d.holdInside()
	d.stop()
	d.runner.Wait()
	d.back.Wait()
	d.left = d.engine.LeaveInside()
	if err := d.closeBack(); err != nil {
		d.log.Error("something was not closed for the next daemon", "error", err)
	}
	d.router.Remind() // the fleet may have been told and had no time
}

// linger serves the last clients as the successor says. It returns when they are gone, or the successor.
func (d *Daemon) linger(ctx context.Context, conn *handover.Conn, next process) {
	limit, end := context.WithCancel(ctx)
	defer end()
	left, done := make(chan struct{}), make(chan struct{})
	defer close(done)
	heard := make(chan handover.Message)
	d.front.work.Go(func() { listen(conn, next, heard, done) })
	for leaving := false; ; {
		select {
		case m, ok := <-heard:
			switch {
			case !ok && ctx.Err() == nil:
				d.reclaim(ctx)
				return
			case !ok:
				return
			case m.Kind == sayServing && leaving: // it gave this one up, which leaves already
			case m.Kind == sayServing:
				leaving = true
				d.leave(limit, next.pid, left)
			case m.Kind == sayHurry:
				time.AfterFunc(hurryTime, end)
				d.grace.Store(int64(apprunner.RequestTimeout))
			case m.Kind == sayBye:
				d.end(errReplaced)
				return
			default:
				d.obey(ctx, conn, m)
			}
		case n := <-d.succession.news:
			if n.kind == sayDemand {
				s, _ := d.router.Sample(n.ServiceID) // with that, more of it is told again
				n.Load = s.InFlight + s.Queued
			}
			_ = conn.Send(n.kind, n)
		case <-left:
			if d.accessLog != nil {
				_ = d.accessLog.Close() // while the successor hears of the last lines
			}
			d.end(errReplaced)
			return
		}
	}
}

// lastBreath is how long after its last word a process may take to end.
const lastBreath = time.Second

// listen passes on what the successor says until done. Heard is closed when it has ended, and only then. One
// that lives and says no more has given this process up, because it hung: it counts as one that serves.
func listen(conn *handover.Conn, next process, heard chan<- handover.Message, done <-chan struct{}) {
	pass := func(m handover.Message) bool {
		select {
		case heard <- m:
			return true
		case <-done:
			return false
		}
	}
	for {
		m, files, err := conn.Receive()
		handover.CloseAll(files)
		if err != nil {
			break
		}
		if !pass(m) {
			return
		}
	}
	if !next.endsWithin(lastBreath) && (!pass(handover.Message{Kind: sayServing}) || !outlives(next, done)) {
		return
	}
	close(heard)
}

// outlives waits until a process has ended, or done, and reports whether it has.
func outlives(next process, done <-chan struct{}) bool {
	for !next.endsWithin(lastBreath) {
		select {
		case <-done:
			return false
		default:
		}
	}
	return true
}

// leave ends the accepting of connections: the successor does that now.
func (d *Daemon) leave(ctx context.Context, pid int, left chan struct{}) {
	d.log.Info("another process has taken over; this one ends with its last client", "pid", pid)
	select {
	case d.succession.served <- pid:
	default:
	}
	dieAt("HAND_OVER:left")
	d.front.work.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, d.config.Timeouts.Linger)
		defer cancel()
		d.front.leave(ctx)
		close(left)
	})
}

// obey routes as the successor says.
func (d *Daemon) obey(ctx context.Context, conn *handover.Conn, m handover.Message) {
	var err error
	switch m.Kind {
	case sayServe:
		var w serveWords
		if err = m.Read(&w); err == nil {
			d.routes.Serve(w.Service, apprunner.Scaling{MaxConcurrency: w.Concurrency, MaxSize: w.MaxSize}, w.Canary, w.Backends)
			for _, b := range w.Backends {
				if !b.Asleep { // it may have been woken while nobody told this router
					d.routes.Awake(w.Service.ID, b.ID)
				}
			}
		}
	case sayAwake:
		var w awakeWords
		if err = m.Read(&w); err == nil {
			d.routes.Awake(w.ServiceID, w.InstanceID)
		}
	case sayHold:
		var w holdWords
		if err = m.Read(&w); err == nil {
			d.routes.Hold(w.Service, w.Why)
		}
	case sayDrain:
		var w drainWords
		if err = m.Read(&w); err == nil {
			d.front.work.Go(func() {
				ctx, cancel := context.WithDeadline(ctx, w.Deadline)
				defer cancel()
				d.routes.Drain(ctx, w.ServiceID, w.InstanceID)
				_ = conn.Send(sayDrained, drained{w.ID})
			})
		}
	}
	if err != nil {
		d.log.Error("what the daemon that took over says was not understood", "kind", m.Kind, "error", err)
	}
}

// reclaim is what happens when the successor has died: this daemon accepts connections again, and starts a
// successor of its own program, which has worked before. It has let go of the store, and to get all of that
// back into a process that was ending would be a way that is never gone otherwise.
func (d *Daemon) reclaim(ctx context.Context) {
	d.log.Error("the process that took over has ended; another one is started")
	if err := sign(d.lock); err != nil {
		d.log.Error("the lock of the data directory does not name this process", "error", err)
	}
	taken, settled := context.WithCancel(context.Background())
	defer settled()
	d.succession.settled = settled
	d.succession.keeper.Store(nil)
	d.succession.busy.Store(false)
	if err := errors.Join(d.front.openApplications(), d.talk(ctx)); err != nil {
		d.end(err)
		return
	}
	d.search(ctx, taken)
}

// search starts processes to take over until one has, or ctx ends.
func (d *Daemon) search(ctx, taken context.Context) {
	for pause := time.Second; ctx.Err() == nil; pause = min(2*pause, time.Minute) {
		next, err := spawn(ownProgram)
		if err != nil {
			d.log.Error("no process was started to take over", "error", err)
		} else {
			select {
			case <-taken.Done():
				return
			case <-ctx.Done():
				next.stop()
				return
			case err := <-next.ended:
				d.log.Error("the process that was to take over has ended", "error", err)
			}
		}
		select {
		case <-taken.Done():
			return
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

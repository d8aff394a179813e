package control_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

// deployer is a world with an automatic deployer, in a synctest bubble, and a registry of one tag.
type deployer struct {
	*world
	*control.AutoDeployer
	mu     sync.Mutex
	digest string
	fault  error
	asked  int
}

func (d *deployer) push(digest string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.digest = digest
}

func (d *deployer) now(context.Context, apprunner.Service) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	return d.digest, d.fault
}

func deploying(t *testing.T, f func(*testing.T, *deployer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &deployer{world: newWorld(t), digest: "sha256:1"}
		d.AutoDeployer = control.NewAutoDeployer(d.store, d.Control, d.now, func(region string) apprunner.Place {
			return apprunner.Place{Account: here.Account, Region: region}
		}, discard())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); d.Run(ctx) }()
		f(t, d)
		cancel()
		<-done
	})
}

// look has the service looked at and returns how many deployments that began.
func (d *deployer) look(s apprunner.Service) int {
	before := d.count()
	d.Look(s.ID)
	synctest.Wait()
	return d.count() - before
}

func TestAutoDeploy(t *testing.T) {
	t.Parallel()
	deploying(t, func(t *testing.T, d *deployer) {
		s := d.become(t, d.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
		if n := d.look(s); n != 0 {
			t.Fatalf("%d deployments of the image that runs", n)
		}
		d.push("sha256:2")
		if n := d.look(s); n != 1 {
			t.Fatalf("%d deployments of a new image", n)
		}
		if o := d.last(); o.Type != apprunner.StartDeployment || o.Trigger != "AUTO_DEPLOYMENT" {
			t.Errorf("began %+v", o)
		}
		// Pushed while it is under way: deployed when that has ended.
		d.push("sha256:3")
		if n := d.look(s); n != 0 {
			t.Fatalf("%d deployments during another one", n)
		}
		d.become(t, s, apprunner.ServiceRunning, "sha256:2")
		if n := d.look(s); n != 1 {
			t.Fatalf("%d deployments of what came meanwhile", n)
		}
		// It fails: the same image is not tried again, the next one is.
		d.fail(t, s, "sha256:3")
		for range 3 {
			if n := d.look(s); n != 0 {
				t.Fatal("an image that failed was deployed again")
			}
		}
		d.push("sha256:4")
		if n := d.look(s); n != 1 {
			t.Fatalf("%d deployments of the image after one that failed", n)
		}
		d.become(t, s, apprunner.ServiceRunning, "sha256:4")
		d.push("sha256:3")
		if n := d.look(s); n != 1 {
			t.Errorf("%d deployments of an image that failed, pushed anew after another one", n)
		}
	})
}

func TestAutoDeployLeavesAlone(t *testing.T) {
	t.Parallel()
	deploying(t, func(t *testing.T, d *deployer) {
		s := d.create(t, "web")
		d.push("sha256:2")
		for _, status := range []apprunner.ServiceStatus{
			apprunner.ServicePaused, apprunner.ServiceCreateFailed, apprunner.ServiceDeleteFailed, apprunner.ServiceDeleted, apprunner.ServiceInProgress,
		} {
			d.become(t, s, status, "sha256:1")
			if n := d.look(s); n != 0 || d.asked != 0 {
				t.Errorf("while %s: %d deployments, and the registry was asked %d times", status, n, d.asked)
			}
		}
		off := d.become(t, s, apprunner.ServiceRunning, "sha256:1")
		off.Spec.AutoDeploy = false
		o, err := d.store.Operations(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.store.Record(t.Context(), off, o[0], nil); err != nil {
			t.Fatal(err)
		}
		if n := d.look(s); n != 0 || d.asked != 0 {
			t.Errorf("automatic deployment is off: %d deployments", n)
		}
		d.Look("unknown") // is logged and harms nobody
		synctest.Wait()
	})
}

func TestAutoDeployWithARegistryThatIsAway(t *testing.T) {
	t.Parallel()
	deploying(t, func(t *testing.T, d *deployer) {
		s := d.become(t, d.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
		d.push("sha256:2")
		d.fault = errors.New("no route to host")
		if n := d.look(s); n != 0 {
			t.Errorf("%d deployments of nothing", n)
		}
		d.fault = nil
		if n := d.look(s); n != 1 {
			t.Errorf("%d deployments once the registry is back", n)
		}
	})
}

// Many looks at once are one.
func TestLooksAreMerged(t *testing.T) {
	t.Parallel()
	deploying(t, func(t *testing.T, d *deployer) {
		s := d.become(t, d.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
		d.push("sha256:2")
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { d.Look(s.ID) })
		}
		wg.Wait()
		if n := d.look(s); n > 1 || d.count() != 2 {
			t.Errorf("%d operations were submitted", d.count())
		}
	})
}

// After a rollback the source that it left behind stays left behind, until something newer comes.
func TestAutoDeployAfterRollback(t *testing.T) {
	t.Parallel()
	deploying(t, func(t *testing.T, d *deployer) {
		s := d.become(t, d.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
		if _, _, err := d.StartDeployment(t.Context(), here, s.ARN, ""); err != nil {
			t.Fatal(err)
		}
		s = d.become(t, s, apprunner.ServiceRunning, "sha256:2")
		_, o, err := d.Rollback(t.Context(), here, s.ARN, 1)
		if err != nil {
			t.Fatal(err)
		}
		s, err = d.store.Service(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		s, o = apprunner.Succeed(s, o, noon)
		if err := d.store.Record(t.Context(), s, o, nil); err != nil {
			t.Fatal(err)
		}
		d.push("sha256:2")
		if n := d.look(s); n != 0 {
			t.Errorf("%d deployments of what was rolled back", n)
		}
		d.push("sha256:3")
		if n := d.look(s); n != 1 {
			t.Errorf("%d deployments of something newer", n)
		}
	})
}

// A service that never ran is built again when its code changes, and only then.
func TestAutoDeployOfWhatNeverRan(t *testing.T) {
	t.Parallel()
	deploying(t, func(t *testing.T, d *deployer) {
		s, _, err := d.CreateService(t.Context(), here, code("https://git.example/shop.git"))
		if err != nil {
			t.Fatal(err)
		}
		d.fail(t, s, "sha256:1")
		if n := d.look(s); n != 0 {
			t.Errorf("%d builds of what failed already", n)
		}
		d.push("sha256:2")
		if n := d.look(s); n != 1 || !d.last().Rebuild {
			t.Errorf("%d builds of something newer: %+v", n, d.last())
		}
		image := d.create(t, "image")
		d.fail(t, image, "sha256:1")
		if n := d.look(image); n != 0 {
			t.Errorf("%d deployments of an image that never ran: App Runner leaves it alone", n)
		}
	})
}

// However many services there are, only a few sources are asked at once.
func TestAutoDeployAsksAFewAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ServiceQuota = 40
		var now, most atomic.Int64
		slow := func(context.Context, apprunner.Service) (string, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return "sha256:1", nil
		}
		a := control.NewAutoDeployer(w.store, w.Control, slow, func(string) apprunner.Place { return here }, discard())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); a.Run(ctx) }()
		begin := time.Now()
		for n := range 30 {
			a.Look(w.become(t, w.create(t, fmt.Sprintf("web-%d", n)), apprunner.ServiceRunning, "sha256:1").ID)
		}
		time.Sleep(10 * time.Second)
		cancel()
		<-done
		if most.Load() > 8 || most.Load() < 2 || now.Load() != 0 {
			t.Errorf("%d sources were asked at once, in %v", most.Load(), time.Since(begin))
		}
	})
}

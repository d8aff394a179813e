package control_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

// flaky is a store that fails so many times.
type flaky struct {
	control.ResourceStore
	faults atomic.Int32
}

func (f *flaky) Resources(ctx context.Context, here apprunner.Place) (apprunner.Resources, error) {
	if f.faults.Add(-1) >= 0 {
		return apprunner.Resources{}, errors.New("the disk is away")
	}
	return f.ResourceStore.Resources(ctx, here)
}

func TestIngressesGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.become(t, w.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
		made, err := w.CreateIngress(t.Context(), here, control.NewIngress{Name: "inner", ServiceARN: s.ARN})
		if err != nil {
			t.Fatal(err)
		}
		store := &flaky{ResourceStore: w.store}
		store.faults.Store(2)
		var open atomic.Int32
		keeper := control.NewIngresses(store, func(all []apprunner.VPCIngressConnection) { open.Store(int32(len(all))) },
			func(region string) apprunner.Place { return apprunner.Place{Account: here.Account, Region: region} }, time.Now, discard())
		w.Ingress = keeper.Wake
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); keeper.Run(ctx) }()
		defer func() { cancel(); <-done }()
		status := func() apprunner.IngressStatus {
			t.Helper()
			synctest.Wait()
			all, err := w.store.Resources(t.Context(), here)
			if err != nil {
				t.Fatal(err)
			}
			found, err := all.Ingress(made.ARN, here)
			if err != nil {
				t.Fatal(err)
			}
			return found.Status
		}
		if got := status(); got != apprunner.IngressPendingCreation || open.Load() != 0 {
			t.Errorf("while the store is away: %s, %d open", got, open.Load())
		}
		time.Sleep(3 * time.Second)
		if got := status(); got != apprunner.IngressAvailable || open.Load() != 1 {
			t.Errorf("when it is back: %s, %d open", got, open.Load())
		}
		if _, err := w.DeleteIngress(t.Context(), here, made.ARN); err != nil {
			t.Fatal(err)
		}
		if got := status(); got != apprunner.IngressDeleted || open.Load() != 0 {
			t.Errorf("deleted: %s, %d open", got, open.Load())
		}
	})
}

func TestIngressesOfAnotherRegionAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.become(t, w.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
	made, err := w.CreateIngress(t.Context(), here, control.NewIngress{Name: "inner", ServiceARN: s.ARN})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.DeleteIngress(t.Context(), elsewhere, made.ARN)
	wantCode(t, err, apprunner.ResourceNotFound, "")
	_, err = w.CreateIngress(t.Context(), elsewhere, control.NewIngress{Name: "outer", ServiceARN: s.ARN})
	wantCode(t, err, apprunner.InvalidRequest, "")
}

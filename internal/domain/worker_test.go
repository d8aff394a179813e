package domain_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/domain"
)

// in runs a test in time that passes at once.
func in(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestDomainBecomesActive(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		worker, stop := w.start(true)
		defer stop()
		w.add("example.com", true)
		worker.Look()
		pass(time.Millisecond)
		d := w.want("example.com", apprunner.DomainPending)
		w.make(d)
		pass(500 * time.Millisecond)
		w.want("example.com", apprunner.DomainPending) // for a second at least: clients wait to see it
		if names := w.names.Of(w.service.ID); names != nil {
			t.Errorf("before validation the names %q are routed", names)
		}
		pass(time.Second)
		d = w.want("example.com", apprunner.DomainActive)
		if !d.Secured || !d.Proven() || d.Reason != "" {
			t.Errorf("the active domain is %+v", d)
		}
		if diff := cmp.Diff([]string{"example.com", "www.example.com"}, w.names.Of(w.service.ID)); diff != "" {
			t.Errorf("routed names (-want +got):\n%s", diff)
		}
		if name, ok := w.names.Find("www.example.com"); !ok || !name.Secured || name.Wildcard || name.ServiceID != w.service.ID {
			t.Errorf("the name is %+v", name)
		}
		if diff := cmp.Diff([]string{"example.com", "www.example.com"}, slices.Sorted(maps.Keys(w.issued))); diff != "" {
			t.Errorf("names that certificates were asked for (-want +got):\n%s", diff)
		}
		want := []string{
			"web-app: Custom domain example.com is waiting for its DNS records. Make those that DescribeCustomDomains lists, or let it lead to " + w.service.Host("localhost") + ".",
			"web-app: Custom domain example.com is validated.", "web-app: Custom domain example.com is active.",
		}
		if diff := cmp.Diff(want, w.events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}

		w.delete("example.com")
		worker.Look()
		pass(time.Millisecond)
		w.want("example.com", "")
		if names := w.names.Of(w.service.ID); names != nil || !w.released["example.com"] || !w.released["www.example.com"] {
			t.Errorf("after the deletion %q are routed and %v released", names, w.released)
		}
	})
}

func TestPausesGrow(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		_, stop := w.start(true)
		defer stop()
		w.add("example.com", false)
		pass(10 * time.Minute)
		w.want("example.com", apprunner.DomainPending)
		var pauses []string
		for i := 1; i < min(len(w.lookups), 10); i++ {
			pauses = append(pauses, w.lookups[i].Sub(w.lookups[i-1]).String())
		}
		if diff := cmp.Diff([]string{"1s", "2s", "4s", "8s", "16s", "32s", "1m0s", "1m0s", "1m0s"}, pauses); diff != "" {
			t.Errorf("pauses between questions (-want +got):\n%s", diff)
		}
		if d := w.domain("example.com"); !strings.HasPrefix(d.Reason, "there is neither a CNAME ") {
			t.Errorf("the reason is %q", d.Reason)
		}
	})
}

func TestGiveUpOnDNS(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		worker, stop := w.start(true)
		w.add("example.com", true)
		worker.Look()
		pass(time.Minute)
		stop()
		pass(71*time.Hour + 40*time.Minute) // the time that a daemon was away counts too
		_, stop = w.start(true)
		defer stop()
		pass(10 * time.Minute)
		d := w.want("example.com", apprunner.DomainPending)
		d.Records = d.Records[:1]
		w.make(d) // one of two is not enough
		pass(15 * time.Minute)
		d = w.want("example.com", apprunner.DomainCreateFailed)
		if !d.Records[0].Valid || d.Records[1].Valid || !strings.Contains(d.Reason, "not found within 72h0m0s: there is neither a CNAME "+d.Records[1].Name) {
			t.Errorf("the domain is %+v", d)
		}
		asked := len(w.lookups)
		pass(10 * time.Minute)
		if len(w.lookups) != asked || w.names.Of(w.service.ID) != nil {
			t.Error("a domain that failed is worked on")
		}
		w.delete("example.com")
		pass(2 * time.Minute) // also without being told
		w.want("example.com", "")
	})
}

func TestCertificatesAreTriedAgain(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		worker, stop := w.start(true)
		defer stop()
		w.refusal = errRefused
		w.add("shop.localhost", false) // proved without DNS
		worker.Look()
		pass(30 * time.Minute)
		d := w.want("shop.localhost", apprunner.DomainBinding)
		if d.Reason != "shop.localhost: the authority is on holiday" || !w.happened("web-app: Custom domain shop.localhost is waiting for its certificate: "+d.Reason) {
			t.Errorf("reason %q, events %q", d.Reason, w.events)
		}
		if n := w.issued["shop.localhost"]; n != 5 { // at 0, 1, 3, 7 and 15 minutes
			t.Errorf("it was tried %d times in half an hour, want 5", n)
		}
		if n := len(w.events); n != 3 {
			t.Errorf("the same reason is told again: %q", w.events)
		}
		if name, ok := w.names.Find("shop.localhost"); !ok || name.Secured {
			t.Errorf("while it has no certificate it is served over HTTP: %v %+v", ok, name)
		}
		w.set(func() { w.refusal = nil })
		pass(time.Hour)
		w.want("shop.localhost", apprunner.DomainActive)
	})
}

func TestGiveUpOnCertificate(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refusal = errRefused
		w.add("shop.localhost", false)
		_, stop := w.start(true)
		pass(time.Minute)
		w.want("shop.localhost", apprunner.DomainBinding)
		stop()
		pass(72 * time.Hour)
		_, stop = w.start(true)
		defer stop()
		pass(time.Minute)
		d := w.want("shop.localhost", apprunner.DomainCreateFailed)
		if d.Reason != "it got no certificate within 72h0m0s: shop.localhost: the authority is on holiday" || w.names.Of(w.service.ID) != nil {
			t.Errorf("reason %q, routed %q", d.Reason, w.names.Of(w.service.ID))
		}
	})
}

// Who deletes a domain need not wait for an authority that does not answer, nor do other domains.
func TestStuckAuthority(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		worker, stop := w.start(true)
		defer stop()
		w.stuck = true
		w.add("stuck.localhost", false)
		worker.Look()
		pass(5 * time.Second)
		w.want("stuck.localhost", apprunner.DomainBinding)
		w.set(func() { w.stuck = false })
		w.add("other.localhost", false)
		worker.Look()
		pass(5 * time.Second)
		w.want("other.localhost", apprunner.DomainActive)
		w.delete("stuck.localhost")
		worker.Look()
		pass(time.Millisecond)
		w.want("stuck.localhost", "")
		w.add("stuck.localhost", false) // and again
		worker.Look()
		pass(5 * time.Second)
		w.want("stuck.localhost", apprunner.DomainActive)
	})
}

func TestDeletionThatFails(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		worker, stop := w.start(true)
		defer stop()
		w.add("shop.localhost", false)
		worker.Look()
		pass(5 * time.Second)
		w.set(func() { w.stays = errors.New("the disk is read-only") })
		w.delete("shop.localhost")
		worker.Look()
		pass(time.Minute)
		w.want("shop.localhost", apprunner.DomainDeleting)
		if w.names.Of(w.service.ID) != nil {
			t.Error("a domain that is being deleted is routed")
		}
		pass(2 * time.Minute)
		if d := w.want("shop.localhost", apprunner.DomainDeleteFailed); d.Reason != "the disk is read-only" {
			t.Errorf("the reason is %q", d.Reason)
		}
		w.set(func() { w.stays = nil })
		pass(10 * time.Minute)
		w.want("shop.localhost", apprunner.DomainDeleteFailed)
		w.delete("shop.localhost")
		worker.Look()
		pass(time.Second)
		w.want("shop.localhost", "")
	})
}

// A daemon that ends at any moment leaves a domain that the next one finishes.
func TestWorkGoesOn(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Millisecond, 999 * time.Millisecond, time.Second, 1001 * time.Millisecond, 5 * time.Second} {
		t.Run(fmt.Sprint("ended after ", after), func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				w.add("shop.localhost", true)
				_, stop := w.start(true)
				pass(after)
				stop()
				_, stop = w.start(true)
				pass(5 * time.Second)
				w.want("shop.localhost", apprunner.DomainActive)
				if n := len(w.names.Of(w.service.ID)); n != 2 {
					t.Errorf("%d names are routed", n)
				}
				w.delete("shop.localhost")
				stop()
				_, stop = w.start(true)
				defer stop()
				pass(time.Second)
				w.want("shop.localhost", "")
			})
		})
	}
}

// HTTPS can be switched on and off below domains that are active.
func TestHTTPSComesAndGoes(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.add("shop.localhost", false)
		for _, https := range []bool{false, true, false, true} {
			_, stop := w.start(https)
			pass(5 * time.Second)
			d := w.want("shop.localhost", apprunner.DomainActive)
			name, ok := w.names.Find("shop.localhost")
			if d.Secured != https || !ok || name.Secured != https {
				t.Errorf("with HTTPS %v: %+v, routed %v as %+v", https, d, ok, name)
			}
			stop()
		}
	})
}

// The private listener has no TLS: while a service is private, its domains have no certificate.
func TestPrivateServiceHasNoCertificates(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		worker, stop := w.start(true)
		defer stop()
		for _, private := range []bool{true, false, true} {
			w.service.Spec.Network.Private = private
			w.record(w.service)
			if private && w.domain("shop.localhost").Name == "" {
				w.add("shop.localhost", false)
			}
			worker.Look()
			pass(5 * time.Second)
			if d := w.want("shop.localhost", apprunner.DomainActive); d.Secured == private {
				t.Errorf("private %v: %+v", private, d)
			}
		}
		if !w.released["shop.localhost"] {
			t.Error("the certificate is still in use")
		}
	})
}

func TestDomainsGoWithTheirService(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		worker, stop := w.start(true)
		defer stop()
		w.add("shop.localhost", false)
		w.add("example.com", false)
		pass(2 * time.Minute)
		w.want("shop.localhost", apprunner.DomainActive)
		w.want("example.com", apprunner.DomainPending)
		s, _ := apprunner.Succeed(w.service, apprunner.Operation{Type: apprunner.DeleteService}, time.Now())
		w.record(s)
		worker.Look()
		pass(time.Minute)
		w.want("shop.localhost", "")
		w.want("example.com", "")
		if !w.released["shop.localhost"] || w.names.Of(w.service.ID) != nil {
			t.Error("something of the domains is left")
		}
	})
}

func TestNames(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		var none domain.Names
		if _, ok := none.Find("a.example"); ok || none.Of("x") != nil {
			t.Error("names before any were set")
		}
		_, stop := w.start(false)
		defer stop()
		w.add("*.localhost", false)
		w.add("shop.localhost", false)
		pass(2 * time.Minute)
		for host, wildcard := range map[string]bool{"shop.localhost": false, "any.localhost": true, "*.localhost": true} {
			if name, ok := w.names.Find(host); !ok || name.Wildcard != wildcard {
				t.Errorf("%s: %v %+v", host, ok, name)
			}
		}
		for _, host := range []string{"localhost", "a.b.localhost", "", "localhost."} {
			if name, ok := w.names.Find(host); ok {
				t.Errorf("%q is %+v", host, name)
			}
		}
		if all := w.names.Of(w.service.ID); !slices.Equal(all, []string{"*.localhost", "shop.localhost"}) || w.routed == 0 {
			t.Errorf("names %q, told %d times", all, w.routed)
		}
	})
}

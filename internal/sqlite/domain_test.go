package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/sqlite"
)

func addDomain(t *testing.T, store *sqlite.Store, s apprunner.Service, name string) (apprunner.CustomDomain, error) {
	t.Helper()
	var added apprunner.CustomDomain
	err := store.AddDomain(t.Context(), s.ID, func(owner apprunner.Service, all apprunner.Domains) (apprunner.CustomDomain, error) {
		owner.Status = apprunner.ServiceRunning
		var err error
		added, err = all.Add(owner, name, false, "localhost", 5, noon)
		return added, err
	})
	return added, err
}

func TestDomains(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slipway.db")
	store := open(t, file)
	s, _ := create(t, store, "web-app")
	var want apprunner.Domains
	for _, name := range []string{"b.example", "a.example"} {
		d, err := addDomain(t, store, s, name)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, d)
	}
	err := store.ChangeDomain(t.Context(), "b.example", func(owner apprunner.Service, d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		if owner.ID != s.ID {
			t.Errorf("the owner is %+v", owner)
		}
		var err error
		want[0], err = d.Prepare("localhost", noon)
		return want[0], err
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := store.ChangeDomain(t.Context(), "a.example", func(apprunner.Service, apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		return apprunner.CustomDomain{}, refused
	}); !errors.Is(err, refused) {
		t.Errorf("a decision that refuses: %v", err)
	}
	check := func(store *sqlite.Store, want apprunner.Domains) {
		t.Helper()
		got, err := store.Domains(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("domains (-want +got):\n%s", diff)
		}
	}
	check(open(t, file), want) // as the next daemon finds them

	for range 2 { // the second finds nothing to remove
		if err := store.RemoveDomain(t.Context(), "b.example"); err != nil {
			t.Fatal(err)
		}
	}
	check(store, want[1:])
	err = store.ChangeDomain(t.Context(), "b.example", nil)
	if apprunner.CodeOf(err) != apprunner.ResourceNotFound {
		t.Errorf("a domain that is gone: %v", err)
	}
	if _, err := addDomain(t, store, apprunner.Service{ID: "none"}, "c.example"); apprunner.CodeOf(err) != apprunner.ResourceNotFound {
		t.Errorf("a domain of no service: %v", err)
	}
}

func TestDomainsArePurgedWithTheirService(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	s, o := create(t, store, "web-app")
	if _, err := addDomain(t, store, s, "a.example"); err != nil {
		t.Fatal(err)
	}
	o.Type = apprunner.DeleteService
	s, o = apprunner.Succeed(s, o, noon)
	if err := store.Record(t.Context(), s, o, nil); err != nil {
		t.Fatal(err)
	}
	if err := store.PurgeService(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if all, err := store.Domains(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("domains %v are left, %v", all, err)
	}
}

// Of many who ask for the same name at once, one gets it.
func TestNameHasOneOwner(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	var asking sync.WaitGroup
	got := make(chan string, 8)
	for i := range 8 {
		s, _ := create(t, store, fmt.Sprint("web-app-", i))
		asking.Go(func() {
			if _, err := addDomain(t, store, s, "a.example"); err == nil {
				got <- s.Name
			} else if apprunner.CodeOf(err) != apprunner.InvalidRequest {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if len(got) != 1 {
		t.Errorf("%d services got the name", len(got))
	}
}

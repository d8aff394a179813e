package sqlite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/sqlite"
)

// everything is a resource of each kind.
func everything() apprunner.Resources {
	arn := func(kind string) string {
		return apprunner.ARN{Place: here, Type: kind, Name: "mine", ID: apprunner.NewID()}.String()
	}
	return apprunner.Resources{
		Connections:   []apprunner.Connection{{ARN: arn("connection"), Name: "mine", Credential: []byte("correct horse"), CreatedAt: noon}},
		Observability: apprunner.Observabilities{{ARN: arn("observabilityconfiguration"), Name: "mine", Revision: 1, Vendor: "AWSXRAY", CreatedAt: noon}},
		Connectors:    []apprunner.VPCConnector{{ARN: arn("vpcconnector"), Name: "mine", Subnets: []string{"subnet-1"}, CreatedAt: noon}},
		Ingresses:     []apprunner.VPCIngressConnection{{ARN: arn("vpcingressconnection"), Name: "mine", Region: here.Region, Status: apprunner.IngressPendingCreation, CreatedAt: noon}},
	}
}

func put(t *testing.T, store *sqlite.Store, r apprunner.Resources, tags map[string]string) {
	t.Helper()
	err := store.ChangeResources(t.Context(), here, tags, func(apprunner.Resources, apprunner.Users) (apprunner.Resources, error) { return r, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func resources(t *testing.T, store *sqlite.Store, where apprunner.Place) apprunner.Resources {
	t.Helper()
	r, err := store.Resources(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestResourcesSurvive(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slipway.db")
	store, want := open(t, file), everything()
	put(t, store, want, map[string]string{"team": "blue"})

	again := open(t, file)
	if diff := cmp.Diff(want, resources(t, again, apprunner.Place{})); diff != "" {
		t.Errorf("of all Regions (-want +got):\n%s", diff)
	}
	got := resources(t, again, here)
	if all := got.Observability; len(all) != 2 || all[1].Name != apprunner.DefaultObservabilityName {
		t.Errorf("a Region has observability configurations %+v, want its default too", all)
	}
	elsewhere := resources(t, again, apprunner.Place{Account: here.Account, Region: "eu-west-1"})
	if len(elsewhere.Connections)+len(elsewhere.Connectors)+len(elsewhere.Ingresses) != 0 || len(elsewhere.Observability) != 1 {
		t.Errorf("another Region has %+v", elsewhere)
	}
	for _, name := range []string{file, file + "-wal"} {
		if data, err := os.ReadFile(name); err == nil && bytes.Contains(data, []byte("correct horse")) {
			t.Errorf("%s has a credential in the clear", filepath.Base(name))
		}
	}
}

func TestRefusedResourcesAreNotStored(t *testing.T) {
	t.Parallel()
	store, refusal := open(t, filepath.Join(t.TempDir(), "slipway.db")), errors.New("no")
	err := store.ChangeResources(t.Context(), here, nil, func(apprunner.Resources, apprunner.Users) (apprunner.Resources, error) {
		return everything(), refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	if got := resources(t, store, here); got.First() != apprunner.DefaultObservability(here, noon).ARN {
		t.Errorf("stored %+v", got)
	}
}

func TestPurgeResources(t *testing.T) {
	t.Parallel()
	store, r := open(t, filepath.Join(t.TempDir(), "slipway.db")), everything()
	r.Connections[0].DeletedAt, r.Ingresses[0].DeletedAt = noon, noon.Add(time.Hour)
	put(t, store, r, map[string]string{"team": "blue"})
	if err := store.PurgeResources(t.Context(), noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got := resources(t, store, apprunner.Place{})
	if len(got.Connections) != 0 || len(got.Ingresses) != 1 || len(got.Connectors) != 1 || len(got.Observability) != 1 {
		t.Errorf("left %+v", got)
	}
	if tags, err := store.Tags(t.Context(), r.Connections[0].ARN); err != nil || len(tags) != 0 {
		t.Errorf("left tags %v, %v", tags, err)
	}
}

// What an operation may go back to is in use too.
func TestUsersIncludeWhatMayComeBack(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "slipway.db"))
	s, o := create(t, store, "web-app")
	s.Spec.Network.VPCConnector = "old"
	running, done := apprunner.Succeed(s, o, noon)
	if err := store.Record(t.Context(), running, done, nil); err != nil {
		t.Fatal(err)
	}
	err := store.ChangeService(t.Context(), here, s.ID, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		next, o, err := apprunner.Begin(s, apprunner.UpdateService, apprunner.NewID(), noon)
		next.Spec.Network.VPCConnector = "new"
		return next, o, err
	})
	if err != nil {
		t.Fatal(err)
	}
	var used []string
	err = store.ChangeResources(t.Context(), here, nil, func(_ apprunner.Resources, users apprunner.Users) (apprunner.Resources, error) {
		for _, spec := range users.Specs {
			used = append(used, spec.Network.VPCConnector)
		}
		return apprunner.Resources{}, nil
	})
	if diff := cmp.Diff([]string{"new", "old"}, used); err != nil || diff != "" {
		t.Errorf("in use (-want +got):\n%s%v", diff, err)
	}
}

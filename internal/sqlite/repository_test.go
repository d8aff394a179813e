package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/ecr"
)

func TestRepositories(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slipway.db")
	store := open(t, file)
	const arn = "arn:aws:ecr:us-east-1:123456789012:repository/app"
	app := ecr.Repository{Region: "us-east-1", Name: "app", CreatedAt: noon, Mutability: "IMMUTABLE_WITH_EXCLUSION", Exclusions: []string{"dev-*"}, Encryption: "KMS", KMSKey: "key"}
	add := func(r ecr.Repository, arn string, tags map[string]string, want bool) {
		t.Helper()
		if added, err := store.AddRepository(t.Context(), r, arn, tags); err != nil || added != want {
			t.Errorf("add %s in %s: %v, %v", r.Name, r.Region, added, err)
		}
	}
	add(app, arn, map[string]string{"team": "blue"}, true)
	add(ecr.Repository{Region: "us-east-1", Name: "app"}, arn, map[string]string{"team": "red"}, false)
	add(ecr.Repository{Region: "eu-west-1", Name: "app"}, "other", nil, true)
	add(ecr.Repository{Region: "us-east-1", Name: "a/b"}, "below", nil, true)
	check := func(region string, want ...ecr.Repository) {
		t.Helper()
		got, err := open(t, file).Repositories(t.Context(), region)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("in %s: %v\n%s", region, err, diff)
		}
	}
	check("us-east-1", ecr.Repository{Region: "us-east-1", Name: "a/b"}, app)
	check("eu-west-1", ecr.Repository{Region: "eu-west-1", Name: "app"})
	tags, err := store.Tags(t.Context(), arn)
	if diff := cmp.Diff(map[string]string{"team": "blue"}, tags); err != nil || diff != "" {
		t.Errorf("tags: %v\n%s", err, diff)
	}
	for range 2 { // the second time there is nothing
		if err := store.DropRepository(t.Context(), "us-east-1", "app", arn); err != nil {
			t.Fatal(err)
		}
	}
	check("us-east-1", ecr.Repository{Region: "us-east-1", Name: "a/b"})
	check("eu-west-1", ecr.Repository{Region: "eu-west-1", Name: "app"})
	if tags, err := store.Tags(t.Context(), arn); err != nil || len(tags) != 0 {
		t.Errorf("the tags that are left: %v, %v", tags, err)
	}
}

package secret_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-run/slipway/internal/secret"
)

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*secret.Error](err); !ok || e.Code != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

func TestCreateIsIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := secret.New{Name: "db", Token: strings.Repeat("a", 32), Value: secret.TextValue("x")}
	first, v1, err1 := w.Secrets.Create(t.Context(), here, n)
	second, v2, err2 := w.Secrets.Create(t.Context(), here, n)
	if err1 != nil || err2 != nil || first.ARN != second.ARN || v1 != v2 {
		t.Errorf("%s %v, then %s %v", first.ARN, err1, second.ARN, err2)
	}
	n.Value = secret.TextValue("y")
	_, _, err := w.Secrets.Create(t.Context(), here, n)
	wantCode(t, err, "ResourceExistsException")
	_, _, err = w.Secrets.Put(t.Context(), here, "db", n.Token, n.Value, nil)
	wantCode(t, err, "ResourceExistsException")
	_, put, err := w.Secrets.Put(t.Context(), here, "db", n.Token, secret.TextValue("x"), nil)
	if err != nil || put.ID != n.Token {
		t.Errorf("the same Put again: %+v %v", put, err)
	}
	_, _, err = w.Secrets.Create(t.Context(), here, secret.New{Name: "tagged", Tags: map[string]string{"aws:x": "y"}})
	wantCode(t, err, "InvalidParameterException")
}

// Whatever is put where: a stage is at one version, a first version is current, what was current is the
// previous one, and every version that can be asked for has the value that was put.
func TestStages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		name := fmt.Sprintf("s%d", run)
		if _, _, err := w.Secrets.Create(context.Background(), here, secret.New{Name: name}); err != nil {
			r.Fatal(err)
		}
		values := map[string]string{}
		current := ""
		for i := range rapid.IntRange(1, 8).Draw(r, "puts") {
			stages := rapid.SampledFrom([][]string{nil, {secret.Pending}, {secret.Current}, {"BLUE", secret.Current}, {"BLUE"}, {secret.Previous}}).Draw(r, "stages")
			value := fmt.Sprint("value ", i)
			s, v, err := w.Secrets.Put(context.Background(), here, name, "", secret.TextValue(value), stages)
			if err != nil {
				r.Fatal(err)
			}
			values[v.ID] = value
			at := map[string]string{}
			for _, v := range s.Versions {
				for _, stage := range v.Stages {
					if at[stage] != "" {
						r.Fatalf("%s is at two versions", stage)
					}
					at[stage] = v.ID
				}
			}
			moves := i == 0 || stages == nil || slices.Contains(stages, secret.Current)
			if moves && (at[secret.Current] != v.ID || current != "" && at[secret.Previous] != current) || !moves && at[secret.Current] != current {
				r.Fatalf("after a Put with %v of %s the stages are %v, current was %q", stages, v.ID, at, current)
			}
			current = at[secret.Current]
			for stage, id := range at {
				_, _, got, err := w.Secrets.Get(context.Background(), here, name, "", stage)
				if err != nil || *got.Text != values[id] {
					r.Fatalf("%s has another value than it was put (%v)", stage, err)
				}
			}
		}
	})
}

func TestVersionsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, "many", "first")
	for i := range 99 {
		if _, _, err := w.Secrets.Put(t.Context(), here, "many", "", secret.TextValue(fmt.Sprint(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := w.Secrets.Put(t.Context(), here, "many", "", secret.TextValue("one more"), nil)
	wantCode(t, err, "LimitExceededException")
	w.now = w.now.AddDate(0, 0, 2)
	s, _, err := w.Secrets.Put(t.Context(), here, "many", "", secret.TextValue("one more"), nil)
	if err != nil || len(s.Versions) != 100 {
		t.Errorf("a day later: %d versions, %v", len(s.Versions), err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.create(t, "db", "x")
	days := func(n int64) *int64 { return &n }
	for _, window := range []int64{6, 31} {
		_, _, err := w.Secrets.Delete(t.Context(), here, "db", days(window), false)
		wantCode(t, err, "InvalidParameterException")
	}
	_, _, err := w.Secrets.Delete(t.Context(), here, "db", days(7), true)
	wantCode(t, err, "InvalidParameterException")
	if _, ends, err := w.Secrets.Delete(t.Context(), here, "db", days(7), false); err != nil || !ends.Equal(w.now.AddDate(0, 0, 7)) {
		t.Fatalf("it ends %v, %v", ends, err)
	}
	_, _, _, err = w.Secrets.Get(t.Context(), here, "db", "", "")
	wantCode(t, err, "InvalidRequestException")
	if _, err := w.Secrets.Restore(t.Context(), here, "db"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Secrets.Delete(t.Context(), here, "db", nil, false); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.AddDate(0, 0, 30)
	_, err = w.Secrets.Restore(t.Context(), here, "db")
	wantCode(t, err, "ResourceNotFoundException")
	if again := w.create(t, "db", "y"); again.ARN == old.ARN { // also before anybody has tidied up
		t.Error("another secret has the ARN of the old one")
	}
	_, _, _, err = w.Secrets.Get(t.Context(), here, old.ARN, "", "")
	wantCode(t, err, "ResourceNotFoundException")
	w.create(t, "other", "z")
	if _, _, err := w.Secrets.Delete(t.Context(), here, "other", nil, false); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.AddDate(0, 0, 31)
	if err := w.Secrets.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err := w.store.Secrets().List(t.Context(), ""); err != nil || len(all) != 1 {
		t.Errorf("%d secrets are left, %v", len(all), err)
	}
	if s, _, err := w.Secrets.Delete(t.Context(), here, "never", nil, true); err != nil || s.Name != "never" {
		t.Errorf("to delete what is not there by force: %v", err)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, description := range map[string]string{"shop/db": "Password of the shop", "shop/cache": "", "blog/db": "other"} {
		if _, _, err := w.Secrets.Create(t.Context(), here, secret.New{Name: name, Description: description, Tags: map[string]string{"of": name}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter secret.Filter
		want   string
	}{
		{secret.Filter{Key: "name", Values: []string{"shop/"}}, "shop/cache shop/db"},
		{secret.Filter{Key: "name", Values: []string{"Shop/"}}, ""},
		{secret.Filter{Key: "name", Values: []string{"!shop/"}}, "blog/db"},
		{secret.Filter{Key: "description", Values: []string{"password"}}, "shop/db"},
		{secret.Filter{Key: "description", Values: []string{"SHOP"}}, "shop/db"},
		{secret.Filter{Key: "tag-key", Values: []string{"of"}}, "blog/db shop/cache shop/db"},
		{secret.Filter{Key: "tag-value", Values: []string{"blog/db"}}, "blog/db"},
		{secret.Filter{Key: "all", Values: []string{"cache"}}, "shop/cache"},
		{secret.Filter{Key: "owning-service", Values: []string{"rds"}}, ""},
	} {
		found, err := w.Secrets.List(t.Context(), here, []secret.Filter{c.filter}, false)
		var names []string
		for _, s := range found {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != c.want {
			t.Errorf("%v: %q %v, want %q", c.filter, got, err, c.want)
		}
	}
}

// With a key of its own, a secret is lost with the file of the key, and no other is.
func TestKMSKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, "other", "x")
	if _, _, err := w.Secrets.Create(t.Context(), here, secret.New{Name: "apart", KMSKey: "alias/shop", Value: secret.TextValue("y")}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := w.Secrets.Get(t.Context(), here, "apart", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "vault.keys")); err != nil {
		t.Fatal(err)
	}
	_, _, _, err := w.Secrets.Get(t.Context(), here, "apart", "", "")
	wantCode(t, err, "DecryptionFailure")
	if _, _, _, err := w.Secrets.Get(t.Context(), here, "other", "", ""); err != nil {
		t.Error(err)
	}
	if _, _, err := w.Secrets.Describe(t.Context(), here, "apart"); err != nil {
		t.Errorf("it cannot be described: %v", err)
	}
}

func TestValuesDoNotPrint(t *testing.T) {
	t.Parallel()
	got := secret.Got{Value: secret.TextValue("hunter2")}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", got, got, got), fmt.Sprint(secret.New{Value: got.Value})} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("printed as %s", text)
		}
	}
}

func TestAccessedIsADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, "db", "x")
	if _, _, _, err := w.Secrets.Get(t.Context(), here, "db", "", ""); err != nil {
		t.Fatal(err)
	}
	s, _, err := w.Secrets.Describe(t.Context(), here, "db")
	if err != nil || !s.AccessedAt.Equal(w.now.Truncate(24*time.Hour)) {
		t.Errorf("last accessed %v, %v", s.AccessedAt, err)
	}
}

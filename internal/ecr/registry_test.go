package ecr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// memory is a Store and Images in one.
type memory struct {
	settings []Repository
	tags     map[string]map[string]string
	images   map[string][]Image // by stored name
	fail     error              // of DropRepository
}

func (m *memory) AddRepository(_ context.Context, r Repository, arn string, tags map[string]string) (bool, error) {
	if slices.ContainsFunc(m.settings, func(o Repository) bool { return o.Region == r.Region && o.Name == r.Name }) {
		return false, nil
	}
	m.settings, m.tags[arn] = append(m.settings, r), tags
	return true, nil
}

func (m *memory) DropRepository(_ context.Context, region, name, arn string) error {
	m.settings = slices.DeleteFunc(m.settings, func(o Repository) bool { return m.fail == nil && o.Region == region && o.Name == name })
	delete(m.tags, arn)
	return m.fail
}

func (m *memory) inRegion(region string) (out []Repository) {
	for _, r := range m.settings {
		if r.Region == region {
			out = append(out, r)
		}
	}
	return out
}

func (m *memory) Tags(_ context.Context, arn string) (map[string]string, error) {
	return m.tags[arn], nil
}

func (m *memory) ChangeTags(_ context.Context, arn string, set map[string]string, _ []string) error {
	if len(set)+len(m.tags[arn]) > maxTags {
		return apprunner.Errorf(apprunner.InvalidRequest, "too many")
	}
	m.tags[arn] = set
	return nil
}

// settings and contents give the two interfaces their method Repositories.
type settings struct{ *memory }

func (s settings) Repositories(_ context.Context, region string) ([]Repository, error) {
	return s.inRegion(region), nil
}

type contents struct{ *memory }

func (c contents) Repositories(context.Context) (names []string, err error) {
	for name, images := range c.images {
		if len(images) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}

func (c contents) Images(_ context.Context, repo string) ([]Image, error) { return c.images[repo], nil }

func (c contents) Content(context.Context, string, string) ([]byte, error) {
	return nil, fs.ErrNotExist
}

func (c contents) DeleteImage(_ context.Context, repo, digest, _ string) ([]string, error) {
	for i, image := range c.images[repo] {
		switch {
		case image.Digest == digest && image.Parent != "":
			return nil, fmt.Errorf("delete: %w", ErrReferenced)
		case image.Digest == digest:
			c.images[repo] = slices.Delete(c.images[repo], i, i+1)
			return image.Tags, nil
		}
	}
	return nil, fs.ErrNotExist
}

func (c contents) DeleteRepository(_ context.Context, repo string, force bool) error {
	if len(c.images[repo]) > 0 && !force {
		return ErrNotEmpty
	}
	delete(c.images, repo)
	return nil
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newRegistry() (*Registry, *memory) {
	m := &memory{tags: map[string]map[string]string{}, images: map[string][]Image{}}
	return &Registry{
		Account: "123456789012", Home: "us-east-1", Host: "127.0.0.1:7420", Store: settings{m}, Images: contents{m},
		Now: func() time.Time { return noon },
	}, m
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestRegistry_ListsWhatWasPushedAndWhatWasMade(t *testing.T) {
	t.Parallel()
	g, m := newRegistry()
	m.images["pushed"] = []Image{{Digest: "b", PushedAt: noon.Add(time.Hour)}, {Digest: "a", PushedAt: noon.Add(time.Minute)}}
	m.images["eu-west-1/far"] = []Image{{Digest: "a"}}
	if _, err := g.Create(t.Context(), Repository{Region: "us-east-1", Name: "made"}, nil); err != nil {
		t.Fatal(err)
	}
	all, err := g.List(t.Context(), "us-east-1")
	if err != nil || len(all) != 2 || all[0].Name != "made" || all[0].CreatedAt != noon || all[1].Name != "pushed" || all[1].CreatedAt != noon.Add(time.Minute) {
		t.Errorf("here are %+v, %v", all, err)
	}
	if all, err := g.List(t.Context(), "eu-west-1"); err != nil || len(all) != 1 || all[0].Name != "far" || g.URI(all[0]) != "127.0.0.1:7420/eu-west-1/far" {
		t.Errorf("there are %+v, %v", all, err)
	}
	_, err = g.Create(t.Context(), Repository{Region: "us-east-1", Name: "pushed"}, nil)
	wantCode(t, err, "RepositoryAlreadyExists")
	_, err = g.Create(t.Context(), Repository{Region: "us-east-1", Name: "made"}, nil)
	wantCode(t, err, "RepositoryAlreadyExists")
	_, err = g.Create(t.Context(), Repository{Region: "us-east-1", Name: "eu-west-1/x"}, nil)
	wantCode(t, err, "InvalidParameter")
	_, err = g.Create(t.Context(), Repository{Region: "nowhere-1", Name: "x"}, nil)
	wantCode(t, err, "InvalidParameter")
	// What a push made stays when its images are gone.
	if err := g.Pushed(t.Context(), "pushed"); err != nil {
		t.Fatal(err)
	}
	delete(m.images, "pushed")
	if _, err := g.Find(t.Context(), "us-east-1", "pushed"); err != nil {
		t.Error(err)
	}
}

func TestRegistry_DeletesAgainAfterACrash(t *testing.T) {
	t.Parallel()
	g, m := newRegistry()
	if _, err := g.Create(t.Context(), Repository{Region: "us-east-1", Name: "app"}, nil); err != nil {
		t.Fatal(err)
	}
	m.images["app"] = []Image{{Digest: "a"}}
	_, err := g.Delete(t.Context(), "us-east-1", "app", false)
	wantCode(t, err, "RepositoryNotEmpty")
	m.fail = errors.New("disk failure")
	if _, err := g.Delete(t.Context(), "us-east-1", "app", true); !errors.Is(err, m.fail) {
		t.Fatal(err)
	}
	m.fail = nil
	if _, err := g.Delete(t.Context(), "us-east-1", "app", false); err != nil {
		t.Errorf("the second time: %v", err)
	}
	_, err = g.Delete(t.Context(), "us-east-1", "app", true)
	wantCode(t, err, "RepositoryNotFound")
}

func TestRegistry_Tags(t *testing.T) {
	t.Parallel()
	g, m := newRegistry()
	_, err := g.Create(t.Context(), Repository{Region: "us-east-1", Name: "app"}, map[string]string{"AWS:x": "y"})
	wantCode(t, err, "InvalidTagParameter")
	if len(m.settings) > 0 {
		t.Error("it was made all the same")
	}
	many := map[string]string{}
	for i := range maxTags + 1 {
		many[fmt.Sprint(i)] = ""
	}
	_, err = g.Create(t.Context(), Repository{Region: "us-east-1", Name: "app"}, many)
	wantCode(t, err, "TooManyTags")
	delete(many, "0")
	if _, err := g.Create(t.Context(), Repository{Region: "us-east-1", Name: "app"}, many); err != nil {
		t.Fatal(err)
	}
	arn := g.ARN("us-east-1", "app")
	wantCode(t, g.ChangeTags(t.Context(), "us-east-1", arn, map[string]string{"one": "more"}, nil), "TooManyTags")
	wantCode(t, g.ChangeTags(t.Context(), "us-east-1", arn+"s", nil, nil), "RepositoryNotFound")
	wantCode(t, g.ChangeTags(t.Context(), "eu-west-1", arn, nil, nil), "InvalidParameter")
}

func TestDeleteImages_SaysWhatCouldNotBe(t *testing.T) {
	t.Parallel()
	g, m := newRegistry()
	digest := func(c string) string { return "sha256:" + fmt.Sprintf("%064s", c) }
	m.images["app"] = []Image{
		{Digest: digest("1"), Tags: []string{"a", "b"}}, {Digest: digest("2"), Parent: digest("3")}, {Digest: digest("3")},
	}
	for _, c := range []struct {
		reason string
		id     ID
		code   string
		gone   int
	}{
		{"neither", ID{}, "MissingDigestAndTag", 0},
		{"no digest", ID{Digest: "sha256:x"}, "InvalidImageDigest", 0},
		{"no tag", ID{Tag: "-"}, "InvalidImageTag", 0},
		{"an unknown tag", ID{Tag: "c"}, "ImageNotFound", 0},
		{"an unknown digest", ID{Digest: digest("4")}, "ImageNotFound", 0},
		{"a tag of another image", ID{Digest: digest("3"), Tag: "a"}, "ImageTagDoesNotMatchDigest", 0},
		{"an image of an index", ID{Digest: digest("2")}, "ImageReferencedByManifestList", 0},
		{"an image with two tags", ID{Digest: digest("1")}, "", 2},
		{"one without", ID{Digest: digest("3")}, "", 1},
	} {
		deleted, failures, err := g.DeleteImages(t.Context(), "us-east-1", "app", []ID{c.id})
		if err != nil || len(deleted) != c.gone || (c.code != "") != (len(failures) == 1) || c.code != "" && (failures[0].Code != c.code || failures[0].ID != c.id) {
			t.Errorf("%s: %+v, %+v, %v", c.reason, deleted, failures, err)
		}
	}
	_, _, err := g.DeleteImages(t.Context(), "us-east-1", "absent", []ID{{Tag: "x"}})
	wantCode(t, err, "RepositoryNotFound")
}

package ecr

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Registry is the registry of an account, with one part per Region.
type Registry struct {
	Account string // twelve digits
	Home    string // the Region whose repositories have no prefix
	Host    string // where clients push to, with its port
	Store   Store
	Images  Images
	Now     func() time.Time
}

// ARN is the name of a repository.
func (g *Registry) ARN(region, name string) string {
	return "arn:aws:ecr:" + region + ":" + g.Account + ":repository/" + name
}

// URI is what clients push a repository's images to, and what a service may name them by.
func (g *Registry) URI(r Repository) string { return g.Host + "/" + Stored(g.Home, r.Region, r.Name) }

// Create makes an empty repository.
func (g *Registry) Create(ctx context.Context, r Repository, tags map[string]string) (Repository, error) {
	if region, _ := Owner(g.Home, Stored(g.Home, r.Region, r.Name)); region != r.Region {
		return r, Errorf("InvalidParameter", "Repository %q cannot be made in Region %s: in the embedded registry, names that begin with the name of a Region belong to that Region, and other Regions than %s need such a name.", r.Name, r.Region, g.Home)
	}
	if err := checkTags(tags); err != nil {
		return r, err
	}
	if _, err := g.Find(ctx, r.Region, r.Name); err == nil {
		return r, g.exists(r.Name)
	} else if _, missing := errors.AsType[*Error](err); !missing {
		return r, err
	}
	r.CreatedAt = g.Now().UTC().Truncate(time.Millisecond)
	r.Mutability, r.Encryption = cmp.Or(r.Mutability, Mutable), cmp.Or(r.Encryption, AES256)
	added, err := g.Store.AddRepository(ctx, r, g.ARN(r.Region, r.Name), tags)
	if err == nil && !added {
		err = g.exists(r.Name)
	}
	return r, err
}

func (g *Registry) exists(name string) error {
	return Errorf("RepositoryAlreadyExists", "The repository with name '%s' already exists in the registry with id '%s'", name, g.Account)
}

// List returns the repositories of a Region by name.
func (g *Registry) List(ctx context.Context, region string) ([]Repository, error) {
	all, err := g.Store.Repositories(ctx, region)
	if err != nil {
		return nil, err
	}
	stored, err := g.Images.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	for _, repo := range stored {
		owner, name := Owner(g.Home, repo)
		if owner != region || slices.ContainsFunc(all, func(r Repository) bool { return r.Name == name }) {
			continue
		}
		// A push that nobody noted: the daemon was older then, or ended right after it.
		r, err := g.unnoted(ctx, region, name)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Repository) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// unnoted describes a repository that the registry has and the store has not.
func (g *Registry) unnoted(ctx context.Context, region, name string) (Repository, error) {
	r := Repository{Region: region, Name: name, Mutability: Mutable, Encryption: AES256}
	images, err := g.Images.Images(ctx, Stored(g.Home, region, name))
	for _, image := range images {
		if r.CreatedAt.IsZero() || image.PushedAt.Before(r.CreatedAt) {
			r.CreatedAt = image.PushedAt
		}
	}
	return r, err
}

// Find returns a repository.
func (g *Registry) Find(ctx context.Context, region, name string) (Repository, error) {
	all, err := g.List(ctx, region)
	if err != nil {
		return Repository{}, err
	}
	i := slices.IndexFunc(all, func(r Repository) bool { return r.Name == name })
	if i < 0 {
		return Repository{}, g.Missing(name, g.Account)
	}
	return all[i], nil
}

// Missing is the error for a repository that is not there.
func (g *Registry) Missing(name, account string) error {
	return Errorf("RepositoryNotFound", "The repository with name '%s' does not exist in the registry with id '%s'", name, account)
}

// Delete deletes a repository, one with images only when forced.
func (g *Registry) Delete(ctx context.Context, region, name string, force bool) (Repository, error) {
	r, err := g.Find(ctx, region, name)
	if err != nil {
		return r, err
	}
	// The registry first: after a crash in between, the repository is still there to be deleted.
	err = g.Images.DeleteRepository(ctx, Stored(g.Home, region, name), force)
	if errors.Is(err, ErrNotEmpty) {
		return r, Errorf("RepositoryNotEmpty", "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", name, g.Account)
	}
	if err != nil {
		return r, err
	}
	return r, g.Store.DropRepository(ctx, region, name, g.ARN(region, name))
}

// Contents returns the images of a repository by digest.
func (g *Registry) Contents(ctx context.Context, region, name string) ([]Image, error) {
	if _, err := g.Find(ctx, region, name); err != nil {
		return nil, err
	}
	return g.Images.Images(ctx, Stored(g.Home, region, name))
}

// Manifest returns the manifest of an image.
func (g *Registry) Manifest(ctx context.Context, region, name, digest string) ([]byte, error) {
	return g.Images.Content(ctx, Stored(g.Home, region, name), digest)
}

// Pushed notes the repository that a push may have made.
func (g *Registry) Pushed(ctx context.Context, stored string) error {
	region, name := Owner(g.Home, stored)
	r := Repository{Region: region, Name: name, CreatedAt: g.Now().UTC().Truncate(time.Millisecond), Mutability: Mutable, Encryption: AES256}
	_, err := g.Store.AddRepository(ctx, r, g.ARN(region, name), nil)
	return err
}

// Immutable reports whether a tag of a stored repository can never name another image.
func (g *Registry) Immutable(ctx context.Context, stored, tag string) (bool, error) {
	region, name := Owner(g.Home, stored)
	all, err := g.Store.Repositories(ctx, region)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(r Repository) bool { return r.Name == name })
	return i >= 0 && all[i].Immutable(tag), nil
}

// gone reports whether err says that something is not there.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

package ecr

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// maxTags is how many tags a resource can have.
const maxTags = 50

// Tags returns the tags of the repository with an ARN.
func (g *Registry) Tags(ctx context.Context, region, arn string) (map[string]string, error) {
	if err := g.checkARN(ctx, region, arn); err != nil {
		return nil, err
	}
	return g.Store.Tags(ctx, arn)
}

// ChangeTags sets some tags of a repository and removes others.
func (g *Registry) ChangeTags(ctx context.Context, region, arn string, set map[string]string, remove []string) error {
	if err := g.checkARN(ctx, region, arn); err != nil {
		return err
	}
	if err := checkTags(set); err != nil {
		return err
	}
	err := g.Store.ChangeTags(ctx, arn, set, remove)
	if apprunner.CodeOf(err) == apprunner.InvalidRequest {
		return tooMany()
	}
	return err
}

func (g *Registry) checkARN(ctx context.Context, region, arn string) error {
	name, ok := strings.CutPrefix(arn, g.ARN(region, ""))
	if !ok || name == "" {
		return Errorf("InvalidParameter", "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN %q. Expected %s'", arn, g.ARN(region, "<name>"))
	}
	_, err := g.Find(ctx, region, name)
	return err
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return tooMany()
	}
	for key, value := range tags {
		switch {
		case key == "" || utf8.RuneCountInString(key) > 128:
			return Errorf("InvalidTagParameter", "Tag key %q is not valid: it must have 1 to 128 characters.", key)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return Errorf("InvalidTagParameter", "Tag key %q is not valid: the prefix aws: is reserved.", key)
		case utf8.RuneCountInString(value) > 256:
			return Errorf("InvalidTagParameter", "The value of tag %q is not valid: it must have at most 256 characters.", key)
		}
	}
	return nil
}

func tooMany() error {
	return Errorf("TooManyTags", "A repository can have at most %d tags.", maxTags)
}

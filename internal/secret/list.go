package secret

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Filter narrows a listing: one of its values must be there. A value that begins with ! excludes.
type Filter struct {
	Key    string
	Values []string
}

// Listed is a secret with its tags.
type Listed struct {
	Secret
	Tags map[string]string
}

// List returns the secrets of a Region that pass every filter; those marked for deletion only with
// planned.
func (m *Secrets) List(ctx context.Context, here apprunner.Place, filters []Filter, planned bool) ([]Listed, error) {
	all, err := m.Store.List(ctx, here.Region)
	if err != nil {
		return nil, err
	}
	var some []Listed
	for _, s := range all {
		if s.gone(m.Now()) || !s.DeletedAt.IsZero() && !planned {
			continue
		}
		tags, err := m.Tags.Tags(ctx, s.ARN)
		if err != nil {
			return nil, err
		}
		l := Listed{s, tags}
		if !slices.ContainsFunc(filters, func(f Filter) bool { return !f.passes(l) }) {
			some = append(some, l)
		}
	}
	return some, nil
}

// passes holds a filter against a secret.
//
// Source: "Find secrets in AWS Secrets Manager", user guide: names, keys and values of tags by their
// beginning with case, descriptions by the beginnings of words without, all by either.
func (f Filter) passes(l Listed) bool {
	texts, fold := f.texts(l)
	begins := func(text, value string) bool {
		if fold {
			text, value = strings.ToLower(text), strings.ToLower(value)
		}
		if strings.HasPrefix(text, value) {
			return true
		}
		return fold && slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" /_+=.@-", r) }),
			func(word string) bool { return strings.HasPrefix(word, value) })
	}
	wanted := false
	for _, value := range f.Values {
		value, excludes := strings.CutPrefix(value, "!")
		found := slices.ContainsFunc(texts, func(text string) bool { return begins(text, value) })
		if excludes && found {
			return false
		}
		if found || excludes {
			wanted = true
		}
	}
	return wanted || len(f.Values) == 0
}

func (f Filter) texts(l Listed) (texts []string, fold bool) {
	keys, values := slices.Collect(maps.Keys(l.Tags)), slices.Collect(maps.Values(l.Tags))
	switch f.Key {
	case "name":
		return []string{l.Name}, false
	case "tag-key":
		return keys, false
	case "tag-value":
		return values, false
	case "description":
		return []string{l.Description}, true
	case "all":
		return slices.Concat([]string{l.Name, l.Description}, keys, values), true
	default: // primary-region and owning-service: no secret here has either
		return nil, false
	}
}

package provider

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// gitlab is GitLab, gitlab.com or one's own.
//
// Source: docs.gitlab.com/api.
type gitlab struct{ *session }

// project is how the API names a repository: its path, as one part of a URL.
func project(repository string) string { return "/projects/" + url.PathEscape(repository) }

// Account implements Host.
func (g gitlab) Account(ctx context.Context) (string, error) {
	var user struct {
		Username string `json:"username"`
	}
	_, err := g.do(ctx, http.MethodGet, "/user", nil, &user)
	return user.Username, err
}

// Repositories implements Host.
func (g gitlab) Repositories(ctx context.Context, words, page string) (found []Repository, next string, err error) {
	var all []struct {
		Path       string `json:"path_with_namespace"`
		URL        string `json:"http_url_to_repo"`
		Branch     string `json:"default_branch"`
		Visibility string `json:"visibility"`
	}
	header, err := g.do(ctx, http.MethodGet, fmt.Sprintf("/projects?membership=true&order_by=last_activity_at&search_namespaces=true&search=%s&per_page=%d&page=%d", url.QueryEscape(words), pageSize, number(page)), nil, &all)
	for _, p := range all {
		found = append(found, Repository{Name: p.Path, URL: p.URL, Branch: p.Branch, Private: p.Visibility != "public"})
	}
	return found, header.Get("X-Next-Page"), err
}

// Branches implements Host.
func (g gitlab) Branches(ctx context.Context, repository, page string) (names []string, next string, err error) {
	var all []struct {
		Name string `json:"name"`
	}
	header, err := g.do(ctx, http.MethodGet, fmt.Sprintf("%s/repository/branches?per_page=%d&page=%d", project(repository), pageSize, number(page)), nil, &all)
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names, header.Get("X-Next-Page"), err
}

// SetStatus implements Host.
func (g gitlab) SetStatus(ctx context.Context, repository, commit string, s Status) error {
	state := map[State]string{Pending: "running", Success: "success", Failure: "failed"}[s.State]
	_, err := g.do(ctx, http.MethodPost, project(repository)+"/statuses/"+commit, map[string]string{
		"state": state, "name": s.Context, "target_url": s.TargetURL, "description": short(s.Description, 255),
	}, nil)
	return err
}

// PutHook implements Host.
func (g gitlab) PutHook(ctx context.Context, repository, url, secret string) error {
	return putHook(ctx, url, g.hooks(repository), g.removeHook(repository), func(ctx context.Context) error {
		_, err := g.do(ctx, http.MethodPost, project(repository)+"/hooks", map[string]any{
			"url": url, "token": secret, "push_events": true, "enable_ssl_verification": true,
		}, nil)
		return err
	})
}

// DeleteHook implements Host.
func (g gitlab) DeleteHook(ctx context.Context, repository, url string) error {
	return deleteHook(ctx, url, g.hooks(repository), g.removeHook(repository))
}

func (g gitlab) hooks(repository string) func(context.Context) ([]hook, error) {
	return func(ctx context.Context) (found []hook, err error) {
		var all []struct {
			ID  int64  `json:"id"`
			URL string `json:"url"`
		}
		_, err = g.do(ctx, http.MethodGet, project(repository)+"/hooks?per_page=100", nil, &all)
		for _, h := range all {
			found = append(found, hook{strconv.FormatInt(h.ID, 10), h.URL})
		}
		return found, err
	}
}

func (g gitlab) removeHook(repository string) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		_, err := g.do(ctx, http.MethodDelete, project(repository)+"/hooks/"+id, nil, nil)
		return err
	}
}

package provider

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// gitea is Gitea or Forgejo.
//
// Source: docs.gitea.com/api.
type gitea struct{ *session }

// giteaPage is how many entries Gitea gives at once, as it is set up by default.
const giteaPage = 50

// Account implements Host.
func (g gitea) Account(ctx context.Context) (string, error) {
	var user struct {
		Login string `json:"login"`
	}
	_, err := g.do(ctx, http.MethodGet, "/user", nil, &user)
	return user.Login, err
}

// Repositories implements Host.
func (g gitea) Repositories(ctx context.Context, words, page string) (found []Repository, next string, err error) {
	var answer struct {
		Data []struct {
			FullName string `json:"full_name"`
			CloneURL string `json:"clone_url"`
			Branch   string `json:"default_branch"`
			Private  bool   `json:"private"`
		} `json:"data"`
	}
	_, err = g.do(ctx, http.MethodGet, fmt.Sprintf("/repos/search?q=%s&sort=updated&order=desc&limit=%d&page=%d", url.QueryEscape(words), giteaPage, number(page)), nil, &answer)
	for _, r := range answer.Data {
		found = append(found, Repository{Name: r.FullName, URL: r.CloneURL, Branch: r.Branch, Private: r.Private})
	}
	return found, g.next(page, len(answer.Data)), err
}

func (g gitea) next(page string, entries int) string {
	if entries < giteaPage {
		return ""
	}
	return strconv.Itoa(number(page) + 1)
}

// Branches implements Host.
func (g gitea) Branches(ctx context.Context, repository, page string) (names []string, next string, err error) {
	var all []struct {
		Name string `json:"name"`
	}
	_, err = g.do(ctx, http.MethodGet, fmt.Sprintf("/repos/%s/branches?limit=%d&page=%d", escape(repository), giteaPage, number(page)), nil, &all)
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names, g.next(page, len(all)), err
}

// SetStatus implements Host.
func (g gitea) SetStatus(ctx context.Context, repository, commit string, s Status) error {
	_, err := g.do(ctx, http.MethodPost, "/repos/"+escape(repository)+"/statuses/"+commit, map[string]string{
		"state": string(s.State), "target_url": s.TargetURL, "description": short(s.Description, 255), "context": s.Context,
	}, nil)
	return err
}

// PutHook implements Host.
func (g gitea) PutHook(ctx context.Context, repository, url, secret string) error {
	return putHook(ctx, url, g.hooks(repository), g.removeHook(repository), func(ctx context.Context) error {
		_, err := g.do(ctx, http.MethodPost, "/repos/"+escape(repository)+"/hooks", map[string]any{
			"type": "gitea", "active": true, "events": []string{"push"},
			"config": map[string]string{"url": url, "content_type": "json", "secret": secret},
		}, nil)
		return err
	})
}

// DeleteHook implements Host.
func (g gitea) DeleteHook(ctx context.Context, repository, url string) error {
	return deleteHook(ctx, url, g.hooks(repository), g.removeHook(repository))
}

func (g gitea) hooks(repository string) func(context.Context) ([]hook, error) {
	return func(ctx context.Context) (found []hook, err error) {
		var all []struct {
			ID     int64             `json:"id"`
			Config map[string]string `json:"config"`
		}
		_, err = g.do(ctx, http.MethodGet, "/repos/"+escape(repository)+"/hooks?limit=50", nil, &all)
		for _, h := range all {
			found = append(found, hook{strconv.FormatInt(h.ID, 10), h.Config["url"]})
		}
		return found, err
	}
}

func (g gitea) removeHook(repository string) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		_, err := g.do(ctx, http.MethodDelete, "/repos/"+escape(repository)+"/hooks/"+id, nil, nil)
		return err
	}
}

package provider

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// github is GitHub, also GitHub Enterprise Server.
//
// Source: docs.github.com/rest.
type github struct{ *session }

type githubRepository struct {
	FullName string `json:"full_name"`
	CloneURL string `json:"clone_url"`
	Branch   string `json:"default_branch"`
	Private  bool   `json:"private"`
}

// Account implements Host.
func (g github) Account(ctx context.Context) (string, error) {
	if g.credential.Kind == ByApp {
		_, _, err := g.Repositories(ctx, "", "")
		return g.credential.Account, err
	}
	var user struct {
		Login string `json:"login"`
	}
	_, err := g.do(ctx, http.MethodGet, "/user", nil, &user)
	return user.Login, err
}

// Repositories implements Host. GitHub does not search what a token reads, so words are looked for here.
func (g github) Repositories(ctx context.Context, words, page string) (found []Repository, next string, err error) {
	const mostPages = 10 // of the host, for one of ours
	for range mostPages {
		some, err := g.repositoryPage(ctx, number(page))
		if err != nil {
			return nil, "", err
		}
		for _, r := range some {
			if matches(r.FullName, words) {
				found = append(found, Repository{Name: r.FullName, URL: r.CloneURL, Branch: r.Branch, Private: r.Private})
			}
		}
		page = follows(page, len(some))
		if page == "" || len(found) >= pageSize {
			break
		}
	}
	return found, page, nil
}

func (g github) repositoryPage(ctx context.Context, page int) ([]githubRepository, error) {
	query := fmt.Sprintf("?per_page=%d&page=%d", pageSize, page)
	if g.credential.Kind == ByApp {
		var answer struct {
			Repositories []githubRepository `json:"repositories"`
		}
		_, err := g.do(ctx, http.MethodGet, "/installation/repositories"+query, nil, &answer)
		return answer.Repositories, err
	}
	var all []githubRepository
	_, err := g.do(ctx, http.MethodGet, "/user/repos"+query+"&sort=pushed", nil, &all)
	return all, err
}

// Branches implements Host.
func (g github) Branches(ctx context.Context, repository, page string) (names []string, next string, err error) {
	var all []struct {
		Name string `json:"name"`
	}
	_, err = g.do(ctx, http.MethodGet, fmt.Sprintf("/repos/%s/branches?per_page=%d&page=%d", escape(repository), pageSize, number(page)), nil, &all)
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names, follows(page, len(all)), err
}

// SetStatus implements Host.
func (g github) SetStatus(ctx context.Context, repository, commit string, s Status) error {
	_, err := g.do(ctx, http.MethodPost, "/repos/"+escape(repository)+"/statuses/"+commit, map[string]string{
		"state": string(s.State), "target_url": s.TargetURL, "description": short(s.Description, 140), "context": s.Context,
	}, nil)
	return err
}

// PutHook implements Host. An App has one webhook for all repositories it is installed for.
func (g github) PutHook(ctx context.Context, repository, url, secret string) error {
	if g.credential.Kind == ByApp {
		return nil
	}
	return putHook(ctx, url, g.hooks(repository), g.removeHook(repository), func(ctx context.Context) error {
		_, err := g.do(ctx, http.MethodPost, "/repos/"+escape(repository)+"/hooks", map[string]any{
			"name": "web", "active": true, "events": []string{"push"},
			"config": map[string]string{"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"},
		}, nil)
		return err
	})
}

// DeleteHook implements Host.
func (g github) DeleteHook(ctx context.Context, repository, url string) error {
	if g.credential.Kind == ByApp {
		return nil
	}
	return deleteHook(ctx, url, g.hooks(repository), g.removeHook(repository))
}

func (g github) hooks(repository string) func(context.Context) ([]hook, error) {
	return func(ctx context.Context) (found []hook, err error) {
		var all []struct {
			ID     int64 `json:"id"`
			Config struct {
				URL string `json:"url"`
			} `json:"config"`
		}
		_, err = g.do(ctx, http.MethodGet, "/repos/"+escape(repository)+"/hooks?per_page=100", nil, &all)
		for _, h := range all {
			found = append(found, hook{strconv.FormatInt(h.ID, 10), h.Config.URL})
		}
		return found, err
	}
}

func (g github) removeHook(repository string) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		_, err := g.do(ctx, http.MethodDelete, "/repos/"+escape(repository)+"/hooks/"+id, nil, nil)
		return err
	}
}

// short cuts a text to what a host takes.
func short(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// bitbucket is Bitbucket Cloud.
//
// Source: developer.atlassian.com/cloud/bitbucket/rest.
type bitbucket struct{ *session }

// Account implements Host. A token of a workspace or a repository is nobody's: its repositories tell
// that it is good.
func (b bitbucket) Account(ctx context.Context) (string, error) {
	var user struct {
		Nickname string `json:"nickname"`
		Name     string `json:"display_name"`
	}
	_, err := b.do(ctx, http.MethodGet, "/user", nil, &user)
	if user.Nickname != "" {
		return user.Nickname, err
	}
	return user.Name, err
}

type bitbucketPage[T any] struct {
	Values []T    `json:"values"`
	Next   string `json:"next"`
}

// Repositories implements Host: those of each workspace in turn. A page is "workspace" or "workspace URL".
func (b bitbucket) Repositories(ctx context.Context, words, page string) (found []Repository, next string, err error) {
	workspaces, err := b.workspaces(ctx)
	if err != nil || len(workspaces) == 0 {
		return nil, "", err
	}
	workspace, at, _ := strings.Cut(page, " ")
	if workspace == "" {
		workspace = workspaces[0]
	}
	if at == "" {
		query := url.Values{"role": {"member"}, "pagelen": {"100"}, "sort": {"-updated_on"}}
		if words != "" {
			query.Set("q", `name ~ "`+strings.NewReplacer(`\`, "", `"`, "").Replace(words)+`"`)
		}
		at = "/repositories/" + url.PathEscape(workspace) + "?" + query.Encode()
	}
	var answer bitbucketPage[struct {
		FullName string `json:"full_name"`
		Private  bool   `json:"is_private"`
		Main     struct {
			Name string `json:"name"`
		} `json:"mainbranch"`
		Links struct {
			HTML struct {
				Href string `json:"href"`
			} `json:"html"`
		} `json:"links"`
	}]
	if _, err = b.do(ctx, http.MethodGet, at, nil, &answer); err != nil {
		return nil, "", err
	}
	for _, r := range answer.Values {
		found = append(found, Repository{Name: r.FullName, URL: r.Links.HTML.Href + ".git", Branch: r.Main.Name, Private: r.Private})
	}
	if answer.Next != "" {
		return found, workspace + " " + answer.Next, nil
	}
	for n, w := range workspaces[:len(workspaces)-1] {
		if w == workspace {
			return found, workspaces[n+1], nil
		}
	}
	return found, "", nil
}

func (b bitbucket) workspaces(ctx context.Context) (slugs []string, err error) {
	for at := "/user/workspaces?pagelen=100"; at != ""; {
		var answer bitbucketPage[struct {
			Workspace struct {
				Slug string `json:"slug"`
			} `json:"workspace"`
		}]
		if _, err := b.do(ctx, http.MethodGet, at, nil, &answer); err != nil {
			return nil, err
		}
		for _, w := range answer.Values {
			slugs = append(slugs, w.Workspace.Slug)
		}
		at = answer.Next
	}
	return slugs, nil
}

// Branches implements Host. A page is the URL of the host's own.
func (b bitbucket) Branches(ctx context.Context, repository, page string) (names []string, next string, err error) {
	if page == "" {
		page = "/repositories/" + escape(repository) + "/refs/branches?pagelen=100"
	}
	var answer bitbucketPage[struct {
		Name string `json:"name"`
	}]
	_, err = b.do(ctx, http.MethodGet, page, nil, &answer)
	for _, v := range answer.Values {
		names = append(names, v.Name)
	}
	return names, answer.Next, err
}

// SetStatus implements Host.
func (b bitbucket) SetStatus(ctx context.Context, repository, commit string, s Status) error {
	state := map[State]string{Pending: "INPROGRESS", Success: "SUCCESSFUL", Failure: "FAILED"}[s.State]
	key := sha256.Sum256([]byte(s.Context)) // at most 40 characters
	_, err := b.do(ctx, http.MethodPost, fmt.Sprintf("/repositories/%s/commit/%s/statuses/build", escape(repository), commit), map[string]string{
		"key": hex.EncodeToString(key[:16]), "name": s.Context, "state": state, "url": s.TargetURL, "description": short(s.Description, 255),
	}, nil)
	return err
}

// PutHook implements Host.
func (b bitbucket) PutHook(ctx context.Context, repository, url, secret string) error {
	return putHook(ctx, url, b.hooks(repository), b.removeHook(repository), func(ctx context.Context) error {
		_, err := b.do(ctx, http.MethodPost, "/repositories/"+escape(repository)+"/hooks", map[string]any{
			"description": "Slipway", "url": url, "active": true, "secret": secret, "events": []string{"repo:push"},
		}, nil)
		return err
	})
}

// DeleteHook implements Host.
func (b bitbucket) DeleteHook(ctx context.Context, repository, url string) error {
	return deleteHook(ctx, url, b.hooks(repository), b.removeHook(repository))
}

func (b bitbucket) hooks(repository string) func(context.Context) ([]hook, error) {
	return func(ctx context.Context) (found []hook, err error) {
		var answer bitbucketPage[struct {
			UUID string `json:"uuid"`
			URL  string `json:"url"`
		}]
		_, err = b.do(ctx, http.MethodGet, "/repositories/"+escape(repository)+"/hooks?pagelen=100", nil, &answer)
		for _, h := range answer.Values {
			found = append(found, hook{h.UUID, h.URL})
		}
		return found, err
	}
}

func (b bitbucket) removeHook(repository string) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		_, err := b.do(ctx, http.MethodDelete, "/repositories/"+escape(repository)+"/hooks/"+url.PathEscape(id), nil, nil)
		return err
	}
}

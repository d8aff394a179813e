package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
)

// Push is what a webhook tells.
type Push struct {
	Delivery   string // id of the delivery, "" when the host sends none
	Repository string // owner/name; "" when that is not known
	Branch     string // "" when that is not known, or when more than one was pushed to
	Nothing    bool   // it tells of something else than a push to a branch
}

// Verify reports whether a delivery was signed with a secret. All ways are tried, whatever the host is:
// for one whose API is not known, any of them will do. It takes as long when it fails.
func Verify(h http.Header, body []byte, secret string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	want := hex.EncodeToString(mac.Sum(nil))
	good := 0
	for _, got := range []string{
		strings.TrimPrefix(h.Get("X-Hub-Signature-256"), "sha256="), // GitHub, and newer Gitea and Forgejo
		strings.TrimPrefix(h.Get("X-Hub-Signature"), "sha256="),     // Bitbucket
		h.Get("X-Gitea-Signature"),
		h.Get("X-Forgejo-Signature"),
	} {
		good |= subtle.ConstantTimeCompare([]byte(got), []byte(want))
	}
	token := sha256.Sum256([]byte(h.Get("X-Gitlab-Token")))
	expected := sha256.Sum256([]byte(secret))
	good |= subtle.ConstantTimeCompare(token[:], expected[:])
	return good == 1 && secret != ""
}

// ReadPush reads a delivery that was verified.
func ReadPush(h http.Header, body []byte) Push {
	p := Push{}
	for _, name := range []string{"X-Github-Delivery", "X-Gitea-Delivery", "X-Forgejo-Delivery", "X-Gitlab-Event-Uuid", "Idempotency-Key", "X-Request-Uuid"} {
		if p.Delivery = h.Get(name); p.Delivery != "" {
			break
		}
	}
	for _, name := range []string{"X-Github-Event", "X-Gitea-Event", "X-Forgejo-Event", "X-Gitlab-Event", "X-Event-Key"} {
		switch h.Get(name) {
		case "", "push", "Push Hook", "repo:push":
		default:
			p.Nothing = true
		}
	}
	var said struct {
		Ref        string
		Repository struct {
			FullName string `json:"full_name"`
		}
		Project struct {
			Path string `json:"path_with_namespace"`
		}
		Push struct {
			Changes []struct {
				New *struct{ Type, Name string }
			}
		}
	}
	if json.Unmarshal(body, &said) != nil {
		return p // signed all the same: somebody wants Slipway to look
	}
	p.Repository = said.Repository.FullName
	if said.Project.Path != "" {
		p.Repository = said.Project.Path
	}
	branch, isBranch := strings.CutPrefix(said.Ref, "refs/heads/")
	switch {
	case isBranch:
		p.Branch = branch
	case said.Ref != "":
		p.Nothing = true // a tag
	case len(said.Push.Changes) == 1 && said.Push.Changes[0].New != nil && said.Push.Changes[0].New.Type == "branch":
		p.Branch = said.Push.Changes[0].New.Name
	}
	return p
}

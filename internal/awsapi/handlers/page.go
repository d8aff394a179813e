package handlers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// page returns the items after token, at most limit of them (0: all), and the token of the next
// page. Items are sorted by key, ascending; the token holds the key of the last one, so that a page
// neither repeats nor skips an item when others come or go. It is signed together with the scope,
// which names the operation and its other parameters.
func page[T any](h *Handlers, items []T, key func(T) string, limit int, token *string, scope string) ([]T, *string, error) {
	if token != nil && *token != "" {
		last, err := h.openToken(*token, scope)
		if err != nil {
			return nil, nil, err
		}
		for len(items) > 0 && key(items[0]) <= last {
			items = items[1:]
		}
	}
	if limit == 0 || len(items) <= limit {
		return items, nil, nil
	}
	items = items[:limit]
	return items, new(h.sealToken(key(items[limit-1]), scope)), nil
}

func (h *Handlers) sealToken(last, scope string) string {
	return base64.RawURLEncoding.EncodeToString(append(h.mac(last, scope), last...))
}

func (h *Handlers) openToken(token, scope string) (last string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < sha256.Size {
		return "", badToken()
	}
	last = string(raw[sha256.Size:])
	if !hmac.Equal(raw[:sha256.Size], h.mac(last, scope)) {
		return "", badToken()
	}
	return last, nil
}

func (h *Handlers) mac(last, scope string) []byte {
	mac := hmac.New(sha256.New, h.TokenKey)
	mac.Write([]byte(strings.Join([]string{last, scope}, "\x00")))
	return mac.Sum(nil)
}

func badToken() error {
	return apprunner.Errorf(apprunner.InvalidRequest, "NextToken is not valid for this request. Use the token of the last page with the same parameters, or leave it out to begin again.")
}

package provider

import "context"

// hook is a webhook of a repository, as a host lists it.
type hook struct {
	id  string
	url string
}

// putHook makes a webhook, after those at the same URL are gone: their secret may be an older one.
func putHook(ctx context.Context, url string, list func(context.Context) ([]hook, error), remove func(context.Context, string) error, add func(context.Context) error) error {
	if err := deleteHook(ctx, url, list, remove); err != nil {
		return err
	}
	return add(ctx)
}

// deleteHook deletes the webhooks at a URL.
func deleteHook(ctx context.Context, url string, list func(context.Context) ([]hook, error), remove func(context.Context, string) error) error {
	all, err := list(ctx)
	if err != nil {
		return err
	}
	for _, h := range all {
		if h.url != url {
			continue
		}
		if err := remove(ctx, h.id); err != nil {
			return err
		}
	}
	return nil
}

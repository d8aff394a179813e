package connect

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/provider"
)

const (
	// HooksPath is where webhooks are delivered to, followed by the id of a connection.
	HooksPath = admin.Prefix + "hooks/"
	// maxDelivery is the size of the largest delivery, in bytes; that of GitHub's.
	maxDelivery = 25 << 20
	// deliveries is how many are read at the same time.
	deliveries = 8
	// rememberDeliveries is how many deliveries are known again when they come twice.
	rememberDeliveries = 4096
)

// Hooks takes deliveries of webhooks. Their signature is what lets them in; who has none is not told
// whether there is such a connection.
func (n *Connector) Hooks() http.Handler {
	slots := make(chan struct{}, deliveries)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+HooksPath+"{id}", func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-r.Context().Done():
			return
		}
		n.deliver(w, r)
	})
	return mux
}

func (n *Connector) deliver(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(30 * time.Second))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDelivery))
	if err != nil {
		http.Error(w, "the delivery is too large, or was cut off", http.StatusRequestEntityTooLarge)
		return
	}
	c, err := n.byID(r.Context(), r.PathValue("id"))
	if err != nil {
		n.Log.Error("a webhook was not taken", "error", err)
		http.Error(w, "Slipway cannot take webhooks now", http.StatusServiceUnavailable)
		return
	}
	if !provider.Verify(r.Header, body, c.Secret) {
		http.NotFound(w, r)
		return
	}
	push := provider.ReadPush(r.Header, body)
	if push.Delivery != "" && !n.seen.first(c.ARN+" "+push.Delivery) {
		http.Error(w, "this delivery came before", http.StatusConflict)
		return
	}
	if !push.Nothing {
		n.pushed(r.Context(), c, push)
	}
	w.WriteHeader(http.StatusNoContent)
}

// byID returns the connection with an id in any Region, an empty one when there is none.
func (n *Connector) byID(ctx context.Context, id string) (apprunner.Connection, error) {
	all, err := n.Store.Resources(ctx, apprunner.Place{})
	for _, c := range apprunner.Living(all.Connections) {
		if strings.HasSuffix(c.ARN, "/"+id) {
			return c, err
		}
	}
	return apprunner.Connection{}, err
}

// pushed has the services looked at that a push is for. One that is looked at for nothing stays as it is.
func (n *Connector) pushed(ctx context.Context, c apprunner.Connection, p provider.Push) {
	services, err := n.deploying(ctx)
	if err != nil {
		n.Log.Error("services could not be read for automatic deployment", "error", err)
	}
	for _, s := range services {
		if s.Spec.Connection == c.ARN && (p.Repository == "" || strings.EqualFold(provider.Name(s.Spec.Code.URL), p.Repository)) &&
			(p.Branch == "" || p.Branch == s.Spec.Code.Branch) {
			n.Look(s.ID)
		}
	}
}

// seen remembers the newest of many words.
type seen struct {
	mu   sync.Mutex
	all  map[string]bool
	ring []string
	next int
}

// first reports whether a word is new, and remembers it.
func (s *seen) first(word string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all, s.ring = map[string]bool{}, make([]string, rememberDeliveries)
	}
	if s.all[word] {
		return false
	}
	delete(s.all, s.ring[s.next])
	s.all[word], s.ring[s.next] = true, word
	s.next = (s.next + 1) % len(s.ring)
	return true
}

// hookURL is where a connection's webhooks are delivered to, "" when hosts do not reach this machine.
func (n *Connector) hookURL(c apprunner.Connection) string {
	if n.PublicURL == "" {
		return ""
	}
	return n.PublicURL + HooksPath + c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]
}

func (n *Connector) wakeHooks() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// retryHooks is when webhooks are tried again that could not be made.
const retryHooks = 10 * time.Minute

// runHooks keeps a webhook on every repository that a service is deployed from, and none elsewhere.
func (n *Connector) runHooks(ctx context.Context) {
	ticker := time.NewTicker(retryHooks)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-ticker.C:
		}
		if err := n.settleHooks(ctx); err != nil && ctx.Err() == nil {
			n.Log.Error("webhooks were not looked after", "error", err)
		}
	}
}

func (n *Connector) settleHooks(ctx context.Context) error {
	services, err := n.deploying(ctx)
	if err != nil {
		return err
	}
	all, err := n.Store.Resources(ctx, apprunner.Place{})
	if err != nil {
		return err
	}
	wanted := map[string]map[string]bool{} // repositories by ARN
	for _, s := range services {
		if wanted[s.Spec.Connection] == nil {
			wanted[s.Spec.Connection] = map[string]bool{}
		}
		wanted[s.Spec.Connection][provider.Name(s.Spec.Code.URL)] = true
	}
	for _, c := range apprunner.Living(all.Connections) {
		if n.hookURL(c) == "" || c.Status != apprunner.ConnectionAvailable {
			continue
		}
		for repository := range wanted[c.ARN] {
			if !c.Hooks[repository] {
				n.hook(ctx, c, repository, true)
			}
		}
		for repository := range c.Hooks {
			if !wanted[c.ARN][repository] {
				n.hook(ctx, c, repository, false)
			}
		}
	}
	return nil
}

// hook makes or deletes the webhook of a repository. That it may be there is recorded before it is made,
// so that none is forgotten.
func (n *Connector) hook(ctx context.Context, c apprunner.Connection, repository string, make bool) {
	a, err := apprunner.ParseARN(c.ARN)
	if err != nil {
		return
	}
	c, credential, err := n.open(ctx, a.Region, c.ARN)
	if err != nil {
		return // the connection's reason tells
	}
	host := n.api.Open(c.Provider, credential)
	if host == nil {
		return // its owner makes it by hand
	}
	if make {
		err = n.noteHook(ctx, c, repository, false, false)
	}
	if err == nil && make {
		err = host.PutHook(ctx, repository, n.hookURL(c), c.Secret)
	} else if err == nil {
		err = host.DeleteHook(ctx, repository, n.hookURL(c))
	}
	if err == nil {
		err = n.noteHook(ctx, c, repository, make, !make)
	}
	n.mu.Lock()
	told := n.hookless[c.ARN+" "+repository]
	n.hookless[c.ARN+" "+repository] = err != nil
	n.mu.Unlock()
	if err != nil && !told && ctx.Err() == nil {
		n.Log.Warn("a webhook could not be changed; the branch is looked at from time to time instead", "connection", c.Name, "repository", repository, "error", n.judge(ctx, c, err))
	}
}

func (n *Connector) noteHook(ctx context.Context, c apprunner.Connection, repository string, made, gone bool) error {
	a, err := apprunner.ParseARN(c.ARN)
	if err != nil {
		return err
	}
	_, err = n.Control.ChangeConnection(ctx, a.Place, c.ARN, func(c apprunner.Connection) (apprunner.Connection, error) {
		hooks := map[string]bool{repository: made}
		for name, was := range c.Hooks {
			if name != repository {
				hooks[name] = was
			}
		}
		if gone {
			delete(hooks, repository)
		}
		c.Hooks = hooks
		return c, nil
	})
	return err
}

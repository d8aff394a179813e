package remote

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Options that a client gives with "git push -o".
const (
	// OptionCreate makes a service of what is pushed when there is none.
	OptionCreate = "create"
	// OptionStore keeps what is pushed and deploys nothing: the client does that itself.
	OptionStore = "store"
)

// receive takes a push. When all of it is stored and moved is called; what follows is to watch the
// deployment.
func (s *Server) receive(ctx context.Context, e *exchange, body io.Reader, moved func()) {
	l := s.lock(e.dir)
	l.RLock()
	unlock := sync.OnceFunc(l.RUnlock)
	defer unlock()
	toHook, fromHook, err := pipes()
	if err != nil {
		s.Log.Error("a push could not begin", "repository", e.dir, "error", err)
		return
	}
	cmd := s.command(ctx, "", "receive-pack", "--stateless-rpc", e.dir)
	cmd.ExtraFiles = []*os.File{toHook.r, fromHook.w} // 3 and 4
	cmd.Stdout = flusher{e.w}
	input, err := cmd.StdinPipe()
	if err == nil {
		// A push that breaks off ends for Git too, which then cleans up: a signal would leave half a pack.
		cmd.Cancel = input.Close
		err = cmd.Start()
	}
	_, _ = toHook.r.Close(), fromHook.w.Close()
	if err != nil {
		_, _ = toHook.w.Close(), fromHook.r.Close()
		s.Log.Error("a push could not begin", "repository", e.dir, "error", err)
		return
	}
	go func() { // ends when the client does, or when this request does
		_, _ = io.Copy(input, body)
		_ = input.Close()
	}()
	var talk sync.WaitGroup
	talk.Go(func() { s.converse(ctx, e, toHook.w, fromHook.r, func() { unlock(); moved() }) })
	err = cmd.Wait()
	_ = toHook.w.Close()
	talk.Wait()
	_ = fromHook.r.Close()
	if err != nil && ctx.Err() == nil {
		s.Log.Debug("a push failed", "repository", e.dir, "error", err)
		_, _ = io.Copy(io.Discard, body) // so that the client comes to read why
	}
}

// pipe is both ends of a pipe.
type pipe struct{ r, w *os.File }

func pipes() (toHook, fromHook pipe, err error) {
	if toHook.r, toHook.w, err = os.Pipe(); err != nil {
		return toHook, fromHook, err
	}
	if fromHook.r, fromHook.w, err = os.Pipe(); err != nil {
		_, _ = toHook.r.Close(), toHook.w.Close()
	}
	return toHook, fromHook, err
}

// converse answers the hooks of one push.
func (s *Server) converse(ctx context.Context, e *exchange, out io.Writer, in io.Reader, stored func()) {
	reader := bufio.NewReader(in)
	tell := func(line string) {
		for part := range strings.SplitSeq(line, "\n") {
			_, _ = fmt.Fprintf(out, "say %s\n", strings.TrimRight(part, "\r"))
		}
	}
	for {
		q, err := ask(reader)
		if err != nil {
			return
		}
		verdict := "ok"
		switch q.hook {
		case beforePush:
			if refusal := s.refusal(ctx, e, q); refusal != "" {
				tell(refusal)
				verdict = "no"
			}
		case afterPush:
			stored()
			s.pushed(ctx, e, q, tell)
		}
		_, _ = fmt.Fprintln(out, verdict)
	}
}

// maxRefs is how many branches and tags a repository may have.
const maxRefs = 1000

// refusal tells why a push is not taken, "" when it is.
func (s *Server) refusal(ctx context.Context, e *exchange, q question) string {
	for _, u := range q.updates {
		branch, is := u.branch()
		switch {
		case !is && !strings.HasPrefix(u.ref, "refs/tags/"):
			return fmt.Sprintf("%s is neither a branch nor a tag: Slipway keeps only those.", u.ref)
		case is && u.deletes() && branch == e.service.Branch:
			return fmt.Sprintf("Service %s deploys branch %s, so that cannot be deleted. Delete the service, or have it deploy another branch first.", e.name, branch)
		}
	}
	if full := s.full(ctx, e, q); full != "" || q.options[OptionStore] {
		return full
	}
	switch {
	case !e.service.Exists && !q.options[OptionCreate]:
		return fmt.Sprintf("There is no service %q in Region %s. To make one of what you push:\n\n    git push -o %s REMOTE BRANCH\n\nor run \"slipway deploy --name %s\" in the folder.",
			e.name, e.region, OptionCreate, e.name)
	case !e.service.Exists && len(branches(q.updates)) != 1:
		return "A service is made of one branch. Push one branch."
	case e.service.Exists && e.service.Branch == "":
		return fmt.Sprintf("Service %s does not deploy from here: it has another source. \"slipway deploy --name %s\" in the folder changes that.", e.name, e.name)
	}
	return ""
}

// full tells why the repository cannot take more, "" when it can.
func (s *Server) full(ctx context.Context, e *exchange, q question) string {
	refs, err := s.git(ctx, e.dir, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags")
	if err != nil {
		s.Log.Error("the branches of a repository could not be counted", "repository", e.dir, "error", err)
		return "The repository cannot be read. Slipway's log has the details."
	}
	count := len(strings.Fields(refs))
	for _, u := range q.updates {
		if u.creates() {
			count++
		}
	}
	if count > maxRefs {
		return fmt.Sprintf("The repository would have %d branches and tags: it may have %d. Delete some first.", count, maxRefs)
	}
	if size := sizeOf(e.dir); size > 4*s.MaxPush {
		return fmt.Sprintf("The repository of service %s has %d MiB, more than the %d it may have. What no branch needs is deleted within two hours: delete branches and try again then, or raise source.max-push.",
			e.name, size>>20, 4*s.MaxPush>>20)
	}
	return ""
}

// branches are those that now have a new commit.
func branches(updates []update) (moved []update) {
	for _, u := range updates {
		if _, is := u.branch(); is && !u.deletes() {
			moved = append(moved, u)
		}
	}
	return moved
}

// pushed has the service brought to what was pushed.
func (s *Server) pushed(ctx context.Context, e *exchange, q question, tell func(string)) {
	if q.options[OptionStore] {
		return
	}
	for _, u := range branches(q.updates) {
		branch, _ := u.branch()
		if !e.service.Exists || branch == e.service.Branch {
			s.Services.Pushed(ctx, Push{Region: e.region, Name: e.name, Branch: branch, Commit: u.new, Create: !e.service.Exists}, tell)
			return
		}
		tell(fmt.Sprintf("Branch %s is stored and not deployed: service %s deploys branch %s.", branch, e.name, e.service.Branch))
	}
}

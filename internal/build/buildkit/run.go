package buildkit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// work is a build in BuildKit's terms.
type work struct {
	targets []*pb.Definition
	ship    int // which of them is the image
	config  []byte
}

func (b *Builder) build(ctx context.Context, daemon *running, job Job, lines *transcript) (Result, error) {
	images := newBases(ctx, b.opts.Images)
	defer images.close()
	around, err := b.surround(job.Scope)
	if err != nil {
		return Result{}, err
	}
	w, err := define(ctx, job, images, around, lines)
	if err != nil {
		return Result{}, err
	}
	out, err := newOutbox(ctx, job.Push, images)
	if err != nil {
		return Result{}, err
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { b.watch(watching, lines) })
	defer func() { // once more at the end, which is when it is too much
		stop()
		watch.Wait()
		b.note(lines)
	}()
	made, err := b.solve(ctx, daemon, job, w, images, around, out, lines)
	if err != nil {
		if halfRead(err) {
			b.server.spoil()
		}
		return Result{}, daemon.blame(err, images.fault(), out.fault())
	}
	lines.flush()
	result, err := out.finish(made)
	if err != nil {
		return Result{}, &machineError{err}
	}
	return result, nil
}

// halfRead reports whether BuildKit fails because an earlier build broke off while it read a base image.
// It keeps the half, tries to go on from there each time, and cannot, with images that it has from us.
func halfRead(err error) bool { return strings.Contains(err.Error(), "unsupported offset") }

// blame finds out whether it was the machine that failed.
func (r *running) blame(err error, faults ...error) error {
	if fault := errors.Join(faults...); fault != nil {
		return &machineError{fault}
	}
	if halfRead(err) {
		return &machineError{err}
	}
	if status.Code(err) == codes.Unavailable { // it takes a moment until the end of a process is known
		select {
		case <-r.ended:
		case <-time.After(time.Second):
		}
	}
	if r.over() {
		return &machineError{errors.Join(errors.New("BuildKit ended during the build"), err)}
	}
	return err
}

// define converts the job.
func define(ctx context.Context, job Job, images *bases, around *surroundings, lines *transcript) (*work, error) {
	var targets []target
	w := &work{}
	var err error
	if job.Plan != nil {
		c := &conversion{bases: images, scope: job.Scope, steps: lines.steps}
		targets, w.config, err = c.convert(job.Plan)
	} else {
		var state llb.State
		state, w.config, err = images.convertDockerfile(ctx, job, func(line string) { lines.say(plan.Build, line) })
		targets = []target{{state, true}}
	}
	if err != nil {
		return nil, err
	}
	r := &rewriter{around: around, bases: images}
	for i, t := range targets {
		d, err := t.state.Marshal(ctx, llb.Platform(platforms.DefaultSpec()))
		if err != nil {
			return nil, fmt.Errorf("write down the build: %w", err)
		}
		rewritten, err := r.rewrite(d)
		if err != nil {
			return nil, err
		}
		w.targets = append(w.targets, rewritten)
		if t.ship {
			w.ship = i
		}
	}
	return w, nil
}

// solve has BuildKit reach every target, one after another, and send the image.
func (b *Builder) solve(ctx context.Context, daemon *running, job Job, w *work, images *bases, around *surroundings, out *outbox, lines *transcript) (digest.Digest, error) {
	dir, err := contextDir(job.Source, job.Dockerfile)
	if err != nil {
		return "", err
	}
	source, err := fsutil.NewFS(dir)
	if err != nil {
		return "", fmt.Errorf("open the source code: %w", err)
	}
	progress := make(chan *client.SolveStatus)
	var reading sync.WaitGroup
	reading.Go(func() { lines.follow(progress) })
	defer reading.Wait()
	options := client.SolveOpt{
		LocalMounts: map[string]fsutil.FS{sourceName: source}, SharedKey: job.Scope,
		OCIStores: map[string]content.Store{basesName: images},
		Session:   []session.Attachable{around.attachable()},
		Exports:   []client.ExportEntry{{Type: client.ExporterOCI, Attrs: map[string]string{"tar": "false", "oci-mediatypes": "true"}, OutputStore: out}},
		Internal:  true, // no history of builds is kept there
	}
	response, err := daemon.client.Build(ctx, options, "slipway", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return reach(ctx, c, w)
	}, progress)
	if err != nil {
		return "", err
	}
	return digest.Parse(response.ExporterResponse[exptypes.ExporterImageDigestKey])
}

func reach(ctx context.Context, c gateway.Client, w *work) (*gateway.Result, error) {
	var image *gateway.Result
	for i, t := range w.targets {
		result, err := c.Solve(ctx, gateway.SolveRequest{Definition: t, Evaluate: true})
		if err != nil {
			return nil, err
		}
		if i == w.ship {
			image = result
		}
	}
	image.AddMeta(exptypes.ExporterImageConfigKey, w.config)
	return image, nil
}

// watch notes how full the room gets: afterwards, what a step that failed had written is gone.
func (b *Builder) watch(ctx context.Context, lines *transcript) {
	for {
		b.note(lines)
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (b *Builder) note(lines *transcript) {
	if use, err := b.opts.Rooms.RoomUse(); err == nil {
		lines.noteUse(use)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

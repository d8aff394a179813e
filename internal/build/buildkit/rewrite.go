package buildkit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// rewriter is the last word on what a build may do, whoever described it. It gives commands what the
// machine lends them, keeps caches apart, has base images come from this process, and refuses the rest.
type rewriter struct {
	around *surroundings
	bases  *bases
	moved  map[string]string // digest of an operation → of what became of it
}

func (r *rewriter) rewrite(d *llb.Definition) (*pb.Definition, error) {
	in := d.ToPB()
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: in.Source}
	r.moved = map[string]string{}
	// Operations come after those that they depend on.
	for _, data := range in.Def {
		was := digest.FromBytes(data).String()
		var op pb.Op
		if err := op.UnmarshalVT(data); err != nil {
			return nil, fmt.Errorf("read a step of the build: %w", err)
		}
		for _, input := range op.Inputs {
			input.Digest = r.moved[input.Digest]
		}
		if err := r.change(&op); err != nil {
			return nil, err
		}
		changed, err := op.MarshalVT()
		if err != nil {
			return nil, fmt.Errorf("write a step of the build: %w", err)
		}
		now := digest.FromBytes(changed).String()
		r.moved[was] = now
		out.Def = append(out.Def, changed)
		if meta := in.Metadata[was]; meta != nil {
			out.Metadata[now] = meta
		}
	}
	r.moveLocations(out.Source)
	return out, nil
}

// moveLocations keeps the lines of the Dockerfile with the steps that they became.
func (r *rewriter) moveLocations(s *pb.Source) {
	if s == nil {
		return
	}
	locations := map[string]*pb.Locations{}
	for was, where := range s.Locations {
		locations[r.moved[was]] = where
	}
	s.Locations = locations
}

func (r *rewriter) change(op *pb.Op) error {
	switch {
	case op.GetExec() != nil:
		return r.changeExec(op.GetExec())
	case op.GetSource() != nil:
		return r.changeSource(op.GetSource())
	case op.GetBuild() != nil:
		return refuse("A build may not define another one.")
	default:
		return nil
	}
}

func refuse(format string, args ...any) error {
	return &plan.Failure{Phase: plan.Build, Reason: fmt.Sprintf(format, args...)}
}

func (r *rewriter) changeExec(e *pb.ExecOp) error {
	switch {
	case e.Network == pb.NetMode_HOST:
		return refuse("The Dockerfile has RUN --network=host: a build has no access to the network of this machine. Leave the option out; builds reach the Internet without it.")
	case e.Security == pb.SecurityMode_INSECURE:
		return refuse("The Dockerfile has RUN --security=insecure: a build has no privileges on this machine. Leave the option out.")
	case len(e.CdiDevices) > 0:
		return refuse("The Dockerfile has RUN --device: a build has no devices of this machine. Leave the option out.")
	}
	for _, m := range e.Mounts {
		switch {
		case m.MountType == pb.MountType_SSH:
			return refuse("The Dockerfile has RUN --mount=type=ssh: a build has no keys of this machine. Fetch what needs a key before the build, such as with a submodule.")
		case m.CacheOpt != nil:
			m.CacheOpt.ID = r.around.scope + "/" + m.CacheOpt.ID
		}
	}
	r.lend(e)
	return nil
}

// lend gives a command what it needs of the machine. What the repository sets itself has precedence.
func (r *rewriter) lend(e *pb.ExecOp) {
	var env []string
	for _, v := range r.around.env {
		if !slices.ContainsFunc(e.Meta.Env, func(have string) bool { return strings.HasPrefix(have, v.Name+"=") }) {
			env = append(env, v.Name+"="+v.Value)
		}
	}
	e.Meta.Env = append(env, e.Meta.Env...)
	e.Meta.ProxyEnv, e.Meta.CgroupParent = r.around.proxy, ""
	e.Meta.RemoveMountStubsRecursive = true
	for _, v := range r.around.named {
		e.Secretenv = append(e.Secretenv, &pb.SecretEnv{ID: v.Value, Name: v.Name, Optional: true})
	}
	// There is no such secret, and so no such file. It keeps the results of a command apart from those of
	// the same command of another service: what a command fetched is nobody else's.
	e.Mounts = append(e.Mounts, secretFile(lent+"/scope", "slipway.scope."+r.around.scope, true))
	for _, path := range sortedKeys(r.around.files) {
		e.Mounts = append(e.Mounts, secretFile(path, r.around.files[path], false))
	}
}

func secretFile(path, id string, optional bool) *pb.Mount {
	return &pb.Mount{
		Input: int64(pb.Empty), Output: int64(pb.SkipOutput), Dest: path, MountType: pb.MountType_SECRET,
		SecretOpt: &pb.SecretOpt{ID: id, Mode: 0o444, Optional: optional},
	}
}

func (r *rewriter) changeSource(s *pb.SourceOp) error {
	scheme, rest, _ := strings.Cut(s.Identifier, "://")
	switch scheme {
	case "local":
		if rest != sourceName {
			return refuse("A build begins from its own source code, not from %q.", rest)
		}
	case "docker-image":
		found, err := r.bases.get(rest)
		if err != nil {
			return err
		}
		s.Identifier = "oci-layout://" + found.reference()
		s.Attrs = map[string]string{pb.AttrOCILayoutStoreID: basesName}
	case "oci-layout":
		if s.Attrs[pb.AttrOCILayoutStoreID] != basesName {
			return refuse("A build may not begin from %q.", s.Identifier)
		}
	case "http", "https", "git":
	default:
		return refuse("A build may not begin from %q.", s.Identifier)
	}
	return nil
}

package cli

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-run/slipway/internal/ecr"
)

// registryHost is the address of the embedded registry, as image clients name it.
func (c *client) registryHost() string { return strings.TrimPrefix(c.info.API, "http://") }

// stored is the name in the embedded registry of a repository of the client's Region.
func (c *client) stored(image string) string { return ecr.Stored(c.info.Region, c.region, image) }

// ecrName is the name that services use for an image in the embedded registry.
func (c *client) ecrName(image string) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s", c.info.Account, c.region, image)
}

// accessRole is a role for ECR names. The embedded registry needs none, but App Runner's rules want
// one for every private ECR image.
func (c *client) accessRole() string {
	return "arn:aws:iam::" + c.info.Account + ":role/service-role/AppRunnerECRAccessRole"
}

// pushProgram makes an image of one static program and pushes it into the embedded registry. It
// returns the image's ECR name.
func (c *client) pushProgram(ctx context.Context, program, image string) (string, error) {
	made, err := programImage(program)
	if err != nil {
		return "", fmt.Errorf("make an image of %q: %w", program, err)
	}
	ref, err := name.ParseReference(c.registryHost()+"/"+c.stored(image), name.Insecure)
	if err != nil {
		return "", err
	}
	auth := &authn.Basic{Username: c.key.ID, Password: c.key.Secret}
	if err := remote.Write(ref, made, remote.WithAuth(auth), remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("push %s: %w", ref, err)
	}
	return c.ecrName(image), nil
}

// programImage is an image with nothing but one program, which it runs.
func programImage(program string) (v1.Image, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	file := "/" + path.Base(program)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: file[1:], Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, RootFS: rootFS(image), Config: v1.Config{Entrypoint: []string{file}},
	})
}

func rootFS(image v1.Image) v1.RootFS {
	if config, err := image.ConfigFile(); err == nil {
		return config.RootFS
	}
	return v1.RootFS{Type: "layers"}
}

// local returns the ECR name of an image that is in the embedded registry, else the name as it is.
func (c *client) local(ctx context.Context, image string) (identifier string, embedded bool, err error) {
	ref, err := name.ParseReference(image)
	if err != nil || strings.HasPrefix(image, ref.Context().RegistryStr()) {
		return image, false, nil // names a host, or is for the daemon to refuse
	}
	repository, tag, _ := strings.Cut(image, ":")
	if tag == "" {
		tag = "latest"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, c.info.API+"/v2/"+c.stored(repository)+"/manifests/"+url.PathEscape(tag), nil)
	if err != nil {
		return image, false, nil
	}
	request.SetBasicAuth(c.key.ID, c.key.Secret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", false, fmt.Errorf("look for %q in the embedded registry: %w", image, err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return image, false, nil
	}
	return c.ecrName(repository + ":" + tag), true, nil
}

package registry

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// content is what a manifest names. One shape reads images and indexes, OCI and Docker alike.
type content struct {
	Config    *descriptor  `json:"config"`
	Layers    []descriptor `json:"layers"`
	Blobs     []descriptor `json:"blobs"`
	Manifests []descriptor `json:"manifests"`
	Subject   *descriptor  `json:"subject"`
}

type descriptor struct {
	Digest digest.Digest `json:"digest"`
}

// readManifest returns what the manifest names. It is fs.ErrNotExist when its data is gone. What is
// no JSON names nothing.
func (l layout) readManifest(d digest.Digest) (content, error) {
	data, err := os.ReadFile(l.blobData(d))
	if err != nil {
		return content{}, err
	}
	var c content
	_ = json.Unmarshal(data, &c)
	return c, nil
}

// leaves returns the blobs that the manifest names, no manifests.
func (c content) leaves() []digest.Digest {
	var out []digest.Digest
	if c.Config != nil {
		out = append(out, c.Config.Digest)
	}
	for _, d := range c.Layers {
		out = append(out, d.Digest)
	}
	for _, d := range c.Blobs {
		out = append(out, d.Digest)
	}
	return out
}

// canonical returns the digest under which a blob that repo knows as d is stored: a client may name
// it by another algorithm than the store does.
func (l layout) canonical(repo string, d digest.Digest) (digest.Digest, error) {
	if d.Algorithm() == digest.Canonical {
		return d, nil
	}
	target, err := readLink(filepath.Join(l.entry(l.layers(repo), d), "link"))
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	return target, err
}

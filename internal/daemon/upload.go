package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/folder"
	"github.com/slipway-run/slipway/internal/source/remote"
)

// uploads takes the folders that browsers send, and pushes them as "slipway deploy PATH" does: with the
// caller's own key, so that its rights are asked and the push is recorded.
type uploads struct{ d *Daemon }

// uploadFiles is how many files a folder may have.
const uploadFiles = 20_000

// serviceName is what the API's model says of names.
var serviceName = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_-]{3,39}\z`)

// uploadBranch is where a folder goes.
const uploadBranch = "main"

// Upload implements admin.Uploads.
func (u uploads) Upload(ctx context.Context, here apprunner.Place, keyID, name string, files *multipart.Reader) (out admin.Uploaded, err error) {
	key, ok := u.d.guard.Keys.Find(keyID)
	if !ok {
		return out, apprunner.Errorf(apprunner.InvalidRequest, "The access key does not exist any more.")
	}
	if !serviceName.MatchString(name) {
		return out, apprunner.Errorf(apprunner.InvalidRequest, "%q is no name of a service: it has 4 to 40 letters, digits, hyphens and underscores.", name)
	}
	dir, err := os.MkdirTemp(u.d.assembler.Dir, "upload-")
	if err != nil {
		return out, fmt.Errorf("make a directory for what is uploaded: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source := filepath.Join(dir, "source")
	if err := u.receive(files, source); err != nil {
		return out, err
	}
	url := u.d.remoteURL(here.Region, name)
	sent, err := folder.Send(ctx, folder.Options{Dir: source, Cache: dir, MaxFile: int64(u.d.config.Source.MaxPush)}, folder.Target{
		URL: url, User: key.ID, Password: key.Secret, Branch: uploadBranch, Options: []string{remote.OptionStore},
	})
	if err != nil {
		return out, apprunner.Errorf(apprunner.InvalidRequest, "The folder was not taken: %v.", err)
	}
	return admin.Uploaded{RepositoryURL: url, Branch: uploadBranch, Files: sent.Files, Bytes: sent.Bytes, LeftOut: sent.LeftOut, Ignored: sent.Ignored}, nil
}

// receive writes the files of a form below a directory.
func (u uploads) receive(files *multipart.Reader, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(u.d.config.Source.MaxPush)
	for n := 0; ; n++ {
		part, err := files.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return apprunner.Errorf(apprunner.InvalidRequest, "The folder has no files.")
		case err != nil:
			return apprunner.Errorf(apprunner.InvalidRequest, "The folder did not arrive whole: %v.", err)
		case n == uploadFiles:
			return apprunner.Errorf(apprunner.InvalidRequest, "The folder has more than %d files. Leave out what is made from others, such as node_modules.", uploadFiles)
		}
		written, err := receiveFile(root, part.FormName(), io.LimitReader(part, left+1))
		if err != nil {
			return err
		}
		if left -= written; left < 0 {
			return apprunner.Errorf(apprunner.InvalidRequest, "The folder has more than %d MiB, which is the limit (source.max-push).", u.d.config.Source.MaxPush>>20)
		}
	}
}

// receiveFile writes a file. Browsers do not tell which files are programs: those that look like one are.
func receiveFile(root *os.Root, name string, content io.Reader) (written int64, err error) {
	if !fs.ValidPath(name) || name == "." || strings.Contains(name, "\\") {
		return 0, apprunner.Errorf(apprunner.InvalidRequest, "%q is no path of a file in a folder.", name)
	}
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return 0, notTaken(name, err)
	}
	begin := make([]byte, 4)
	n, err := io.ReadFull(content, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, badFile(name, err)
	}
	begin = begin[:n]
	mode := os.FileMode(0o600)
	if bytes.HasPrefix(begin, []byte("#!")) || bytes.HasPrefix(begin, []byte("\x7fELF")) {
		mode = 0o700
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return 0, badFile(name, err)
	}
	written, err = io.Copy(file, io.MultiReader(bytes.NewReader(begin), content))
	if err := errors.Join(err, file.Close()); err != nil {
		return written, badFile(name, err)
	}
	return written, nil
}

func badFile(name string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return apprunner.Errorf(apprunner.InvalidRequest, "The folder has %q twice.", name)
	}
	return notTaken(name, err)
}

func notTaken(name string, err error) error {
	return apprunner.Errorf(apprunner.InvalidRequest, "The file %q was not taken: %v.", name, err)
}

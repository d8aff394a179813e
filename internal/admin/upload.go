package admin

import (
	"context"
	"mime/multipart"
	"net/http"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Uploaded is a folder that is a commit now.
type Uploaded struct {
	RepositoryURL string `json:"RepositoryUrl"`
	Branch        string
	Files         int
	Bytes         int64
	LeftOut       []string `json:",omitempty"` // though no ignore file says so, as "node_modules/"
	Ignored       int      // files that .dockerignore left out
}

// Uploads takes folders that browsers send.
type Uploads interface {
	// Upload makes the files of a form the source code of the service with a name, as the access key may.
	// The name of each part is the path of its file.
	Upload(ctx context.Context, here apprunner.Place, keyID, name string, files *multipart.Reader) (Uploaded, error)
}

// upload takes a folder. Its body is as large as the folder, so it is not read to verify a signature: the
// caller has a session.
func (a *API) upload(w http.ResponseWriter, r *http.Request) {
	who, err := a.Verifier.Verify(r, nil)
	if err == nil {
		err = a.take(call{w: w, r: r, here: apprunner.Place{Account: a.Account, Region: who.Region}, who: who})
	}
	if err != nil && r.Context().Err() == nil {
		a.refuse(w, r, err)
	}
}

func (a *API) take(c call) error {
	name := c.r.PathValue("name")
	// Git's own rights are asked for when the files are pushed; this one tells the audit log what it was.
	if err := a.may(c, "PutSource", apprunner.ARN{Place: c.here, Type: apprunner.TypeService, Name: name, ID: "*"}.String()); err != nil {
		return err
	}
	files, err := c.r.MultipartReader()
	if err != nil {
		return apprunner.Errorf(apprunner.InvalidRequest, "A form with files is expected here: %v.", err)
	}
	done, err := a.Uploads.Upload(c.r.Context(), c.here, c.who.AccessKeyID, name, files)
	if err != nil {
		return err
	}
	return answer(c.w, done)
}

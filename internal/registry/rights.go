package registry

import (
	"errors"
	"net/http"
	"net/url"
)

// The actions of ECR that requests of the distribution specification stand for, as in AWS.
const (
	checkLayer   = "ecr:BatchCheckLayerAvailability"
	getLayer     = "ecr:GetDownloadUrlForLayer"
	getImage     = "ecr:BatchGetImage"
	putImage     = "ecr:PutImage"
	deleteImage  = "ecr:BatchDeleteImage"
	listImages   = "ecr:ListImages"
	beginUpload  = "ecr:InitiateLayerUpload"
	uploadPart   = "ecr:UploadLayerPart"
	endUpload    = "ecr:CompleteLayerUpload"
	repositories = "ecr:DescribeRepositories"
)

// right is what a request needs: one of the actions on a repository, "" for the whole registry.
type right struct {
	repository string
	actions    []string // none: any key will do
}

// needs returns what a request needs. A client that pushes looks with HEAD what is there already, so
// that is for those who may pull and those who may push.
func needs(req *http.Request) right {
	path, method := req.URL.Path, req.Method
	read, look := method == http.MethodGet, method == http.MethodHead
	pick := func(repository string, reading, looking, deleting, writing []string) right {
		switch {
		case read:
			return right{repository, reading}
		case look:
			return right{repository, looking}
		case method == http.MethodDelete:
			return right{repository, deleting}
		default:
			return right{repository, writing}
		}
	}
	one := func(actions ...string) []string { return actions }
	if path == "/v2/" || path == "/v2" {
		return right{}
	}
	if m := uploadPath.FindStringSubmatch(path); m != nil {
		writing := one(uploadPart)
		switch method {
		case http.MethodPost:
			writing = one(beginUpload)
		case http.MethodPut:
			writing = one(endUpload)
		}
		return pick(m[1], one(uploadPart), one(uploadPart), one(uploadPart), writing)
	}
	if m := manifestPath.FindStringSubmatch(path); m != nil {
		return pick(m[1], one(getImage), one(getImage, putImage), one(deleteImage), one(putImage))
	}
	if m := blobPath.FindStringSubmatch(path); m != nil {
		return pick(m[1], one(getLayer), one(checkLayer, getLayer), one(deleteImage), one(putImage))
	}
	if m := tagsPath.FindStringSubmatch(path); m != nil {
		return pick(m[1], one(listImages), one(listImages), one(deleteImage), one(putImage))
	}
	return pick("", one(repositories), one(repositories), one(deleteImage), one(putImage))
}

// permitted lets a request pass that its key may make, or answers it. The first action that is
// allowed will do; a client is told of the last.
func (r *Registry) permitted(w http.ResponseWriter, req *http.Request, keyID string) bool {
	r.dropMount(req, keyID)
	need := needs(req)
	var err error
	for _, action := range need.actions {
		if err = r.rights.Authorize(req.Context(), keyID, action, need.repository); err == nil {
			break
		}
	}
	switch {
	case errors.Is(err, ErrForbidden):
		writeError(w, http.StatusForbidden, "DENIED", err.Error())
		return false
	case err != nil:
		r.log.Error("cannot check the rights of a registry client", "access_key", keyID, "error", err)
		writeError(w, http.StatusServiceUnavailable, "UNAVAILABLE", "rights cannot be checked now; try again")
		return false
	}
	return true
}

// dropMount makes an upload of a mount from a repository that the key may not read: the client then
// sends the layer, which proves that it has it.
func (r *Registry) dropMount(req *http.Request, keyID string) {
	if req.Method != http.MethodPost {
		return
	}
	req.Header.Del("Content-Type") // or the handlers would take parameters from a form in the body too
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err == nil && (!query.Has("mount") || r.rights.Authorize(req.Context(), keyID, getLayer, query.Get("from")) == nil) {
		return
	}
	query.Del("mount")
	query.Del("from")
	req.URL.RawQuery = query.Encode()
}

// Package ecr shows the embedded registry as Amazon ECR: repositories with settings, their images,
// and the passwords that docker login gets.
//
// The registry is the truth about images; the store has what ECR keeps beside them. A repository
// that a push made exists like one that CreateRepository made, with the default settings: ECR itself
// would refuse such a push.
package ecr

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Repository is a repository with its settings.
type Repository struct {
	Region     string
	Name       string // as its Region names it
	CreatedAt  time.Time
	Mutability string   // MUTABLE, IMMUTABLE, or either with the suffix _WITH_EXCLUSION
	Exclusions []string `json:",omitempty"` // tags, with * for any text, to which the opposite applies
	ScanOnPush bool     // kept and answered; there is no scanner
	Encryption string   // AES256, KMS or KMS_DSSE: kept and answered
	KMSKey     string   `json:",omitempty"`
}

// The settings of a repository that nobody set any for.
const (
	Mutable = "MUTABLE"
	AES256  = "AES256"
)

// Immutable reports whether a tag of the repository can never name another image.
func (r Repository) Immutable(tag string) bool {
	fixed := strings.HasPrefix(r.Mutability, "IMMUTABLE")
	if !strings.HasSuffix(r.Mutability, "_WITH_EXCLUSION") {
		return fixed
	}
	for _, pattern := range r.Exclusions {
		if matches(pattern, tag) {
			return !fixed
		}
	}
	return fixed
}

// matches compares a tag with a pattern in which * is any text.
func matches(pattern, tag string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == tag
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(tag) < len(first)+len(last) || !strings.HasPrefix(tag, first) || !strings.HasSuffix(tag, last) {
		return false
	}
	rest := tag[len(first) : len(tag)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return true
}

// Image is a manifest in a repository: an image, an index, or something else that was pushed.
type Image struct {
	Digest       string
	Tags         []string // sorted
	MediaType    string   // of the manifest
	ArtifactType string   // what it is the manifest of
	Subject      string   // digest of the manifest that it says something about
	Size         int64    // bytes of its blobs; of an index, those of its largest image
	PushedAt     time.Time
	Parent       string // digest of an index that names it
}

// Store keeps what the registry does not know.
type Store interface {
	// AddRepository keeps a new repository and its tags, and tells whether it is new.
	AddRepository(ctx context.Context, r Repository, arn string, tags map[string]string) (added bool, err error)
	// DropRepository forgets a repository and its tags. One that is not there is no error.
	DropRepository(ctx context.Context, region, name, arn string) error
	Repositories(ctx context.Context, region string) ([]Repository, error)
	Tags(ctx context.Context, arn string) (map[string]string, error)
	ChangeTags(ctx context.Context, arn string, set map[string]string, remove []string) error
}

// Images is the embedded registry. Its repositories have stored names, see Stored.
type Images interface {
	Repositories(ctx context.Context) ([]string, error)
	// Images returns the images of a repository by digest, none for one that is not there.
	Images(ctx context.Context, repo string) ([]Image, error)
	Content(ctx context.Context, repo, digest string) ([]byte, error)
	// DeleteImage deletes an image with its tags, or one of its tags when tag is not empty. With
	// its last tag an image goes too. It returns the tags that are gone.
	DeleteImage(ctx context.Context, repo, digest, tag string) ([]string, error)
	// DeleteRepository deletes everything in a repository. Unless forced it is ErrNotEmpty when
	// there is an image.
	DeleteRepository(ctx context.Context, repo string, force bool) error
}

// Errors of Images.
var (
	ErrNotEmpty   = errors.New("the repository has images")
	ErrReferenced = errors.New("an index in the repository names the image")
)

// Error is an exception of ECR.
type Error struct {
	Code    string // without "Exception"
	Message string
}

func (e *Error) Error() string { return e.Message }

// Exception returns the name of the exception and its HTTP status.
func (e *Error) Exception() (code string, status int) { return e.Code + "Exception", 400 }

// Errorf makes an *Error.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

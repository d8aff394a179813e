package images

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/slipway-run/slipway/internal/engine"
)

// damaged tells whether what was received is not what its digest says.
func damaged(err error) bool {
	return strings.Contains(err.Error(), "failed commit on ref") && errdefs.IsFailedPrecondition(err)
}

// explain gives an error the engine's code, and the name of the image. What has no code is the
// engine's own failure.
func explain(ctx context.Context, name string, err error) error {
	if ctxErr := ctx.Err(); ctxErr != nil {
		return fmt.Errorf("pull image %q: %w", name, ctxErr)
	}
	var code engine.Code
	message := err.Error()
	text := strings.ToLower(err.Error())
	e, ok := errors.AsType[*engine.Error](err)
	switch {
	case strings.Contains(text, "no space left on device"), strings.Contains(text, "disk quota exceeded"):
		code, message = engine.DiskFull, "the disk of this machine has no space left; free some, or delete services and images"
	case ok:
		code, message = e.Code, e.Message
	case errors.Is(err, errCorrupt):
		code = engine.BadImage
	case unpackable(text):
		code = engine.BadImage
	case errdefs.IsUnavailable(err), strings.Contains(text, "failed to send write"):
		return fmt.Errorf("image %q: the engine does not answer: %w", name, err) // its own fault has no code
	default:
		return fmt.Errorf("image %q: %w", name, err)
	}
	return &engine.Error{Code: code, Err: err, Message: fmt.Sprintf("image %q: %s", name, message)}
}

// unpackable recognises a layer that is not the archive it should be, or not the one that the
// configuration names. containerd tells no other way than by words.
func unpackable(text string) bool {
	for _, words := range []string{"failed to extract layer", "apply layer error", "wrong diff id", "number of layers and diffids"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

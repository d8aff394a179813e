package containerd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"github.com/slipway-run/slipway/internal/engine"
)

// wiring is what of an instance's Spec a later process needs to know of its network.
type wiring struct {
	Egress  *engine.Egress `json:",omitempty"`
	Forward []int          `json:",omitempty"`
}

const wiringFile = "wiring.json"

// writeWiring keeps the wiring of an instance that has any. It comes before the instance has an
// address.
func (d instanceDir) writeWiring(spec engine.Spec) error {
	w := wiring{spec.Egress, spec.Forward}
	if w.Egress == nil && len(w.Forward) == 0 {
		return nil
	}
	b, err := json.Marshal(w)
	if err == nil {
		err = writeFile(d.file(wiringFile), b)
	}
	if err != nil {
		return fmt.Errorf("keep the wiring of instance %q: %w", spec.ID, err)
	}
	return nil
}

// wiring reads what writeWiring kept. When it is damaged the instance may connect to nothing, which
// is the safe mistake.
func (e *Engine) wiring(id string) (w wiring) {
	b, err := os.ReadFile(e.paths.instance(id).file(wiringFile))
	if errors.Is(err, fs.ErrNotExist) {
		return w
	}
	if err == nil {
		err = json.Unmarshal(b, &w)
	}
	if err != nil {
		e.log.Error("the wiring of an instance is lost: it may connect to nothing until it is replaced", "id", id, "error", err)
		return wiring{Egress: &engine.Egress{}}
	}
	return w
}

// wire limits and forwards as the spec says, before anything of the instance runs.
func (e *Engine) wire(spec engine.Spec, address netip.Addr) error {
	if spec.Egress != nil {
		if err := e.net.Restrict(address, *spec.Egress); err != nil {
			return fmt.Errorf("wire instance %q: %w", spec.ID, err)
		}
	}
	if err := e.listenInside(spec.ID, address, spec.Forward); err != nil {
		return fmt.Errorf("wire instance %q: %w", spec.ID, err)
	}
	return nil
}

// Package enginetest holds every engine to the contract in package engine.
//
// The suite runs real instances of a small application that does on request what applications do
// to engines, and looks at them only through the contract and their address.
package enginetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

// Harness is an engine under test.
type Harness struct {
	Engine engine.Engine
	// Load puts an image in the engine's store and returns its name for Spec.Image.
	Load func(t testing.TB, img v1.Image) string
	// Reopen lets go of the engine and returns a new one for the same instances, as when the
	// process that uses the engine is killed and starts again.
	Reopen func(t testing.TB) engine.Engine
	// Host is the address that instances have for the machine of the test. The engine was told
	// that they may reach HostPort there, and no other port.
	Host     netip.Addr
	HostPort int
}

// Run tests an engine. It calls open once for the tests that share an engine, and once for each
// test that restarts it.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Run("Shared", func(t *testing.T) {
		h := open(t)
		s := &suite{Harness: h, image: h.Load(t, Image(t, nil))}
		for _, c := range slices.Concat(lifecycleTests, limitTests, logTests, isolationTests, eventTests) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, s)
			})
		}
	})
	t.Run("Restart", func(t *testing.T) {
		h := open(t)
		s := &suite{Harness: h, image: h.Load(t, Image(t, nil))}
		for _, c := range restartTests {
			t.Run(c.name, func(t *testing.T) { c.run(t, s) })
		}
	})
}

type suite struct {
	Harness
	image string
}

type test struct {
	name string // a sentence of the contract
	run  func(*testing.T, *suite)
}

const (
	mib = 1 << 20
	// patience is for what has to happen soon, on a machine that is busy with other tests.
	patience = 30 * time.Second
)

func (s *suite) spec(args ...string) engine.Spec {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	spec := engine.Spec{
		ID: hex.EncodeToString(id), Image: s.image, CPU: 1024, Memory: 256 * mib, Disk: 64 * mib,
		Labels: map[string]string{"test": "enginetest", "empty": ""},
	}
	if len(args) > 0 {
		spec.Command = append([]string{"/testapp"}, args...)
	}
	return spec
}

func (s *suite) prepare(t *testing.T, spec engine.Spec) engine.Instance {
	t.Helper()
	inst, err := s.Engine.Prepare(t.Context(), spec)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	s.removeAfter(t, spec.ID)
	return inst
}

func (s *suite) removeAfter(t *testing.T, id string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Engine.Remove(ctx, id); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if err := s.Engine.ForgetLogs(ctx, id); err != nil {
			t.Errorf("ForgetLogs: %v", err)
		}
	})
}

// start prepares and starts an instance.
func (s *suite) start(t *testing.T, spec engine.Spec) engine.Instance {
	t.Helper()
	s.prepare(t, spec)
	inst, err := s.Engine.Start(t.Context(), spec.ID)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return inst
}

// serve starts an instance and waits until it answers.
func (s *suite) serve(t *testing.T, spec engine.Spec) engine.Instance {
	t.Helper()
	inst := s.start(t, spec)
	eventually(t, "instance answers", func() error {
		_, err := get(t, inst, "/status", nil)
		return err
	})
	return inst
}

// exited waits for the instance to exit.
func (s *suite) exited(t *testing.T, id string) engine.Exit {
	t.Helper()
	var exit engine.Exit
	eventually(t, "instance exits", func() error {
		inst, err := s.Engine.Inspect(t.Context(), id)
		if err != nil {
			return err
		}
		if inst.State != engine.Exited || inst.Exit == nil {
			return fmt.Errorf("state is %s, exit %v", inst.State, inst.Exit)
		}
		exit = *inst.Exit
		return nil
	})
	return exit
}

func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// client opens a connection for each request, as connections must not outlive instances.
var client = &http.Client{
	Timeout:   10 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext},
}

// get asks the application; an error that the application reports is an error.
func get(t *testing.T, inst engine.Instance, path string, form url.Values) (string, error) {
	return getPort(t, inst, 8080, path, form)
}

func getPort(t *testing.T, inst engine.Instance, port int, path string, form url.Values) (string, error) {
	u := fmt.Sprintf("http://%s%s?%s", netip.AddrPortFrom(inst.Address, uint16(port)), path, form.Encode())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("application: %s", strings.TrimSpace(string(b)))
	}
	return string(b), err
}

// appStatus is what the application tells of itself.
type appStatus struct {
	PID, UID, GID      int
	Dir, Hostname      string
	Args, Env          []string
	Namespaces, Status map[string]string
}

func (s *suite) status(t *testing.T, inst engine.Instance) appStatus {
	t.Helper()
	text, err := get(t, inst, "/status", nil)
	if err != nil {
		t.Fatalf("ask application for its status: %v", err)
	}
	var st appStatus
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		t.Fatalf("read status: %v", err)
	}
	return st
}

// output collects all output of an instance.
func (s *suite) output(t *testing.T, id string) []engine.Line {
	t.Helper()
	lines, err := s.Engine.Logs(t.Context(), id, time.Time{}, false)
	if err != nil {
		t.Fatalf("Logs: %v", err)
	}
	var all []engine.Line
	for l := range lines {
		all = append(all, l)
	}
	return all
}

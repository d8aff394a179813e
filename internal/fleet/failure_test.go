package fleet

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

func listener(address string, port int) engine.Listener {
	return engine.Listener{Address: netip.MustParseAddr(address), Port: port}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	numbered := func(n int) []string {
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf("line %d", i+1))
		}
		return lines
	}
	for name, c := range map[string]struct {
		app    app
		http   bool
		reason string
		output []string
		within time.Duration
	}{
		"exits": {
			app:    app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 3}, output: numbered(12)},
			reason: "Your application stopped or failed to start. See logs for more information.  Container exit code: 3. Last output: line 10 | line 11 | line 12",
			output: numbered(12)[2:], within: 2 * time.Second,
		},
		"exits without a word": {
			app:    app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 0}},
			reason: "Your application stopped or failed to start. See logs for more information.  Container exit code: 0",
			within: 2 * time.Second,
		},
		"wrong architecture of the program": {
			app: app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 255}, output: []string{"exec /app: exec format error"}},
			reason: "Your application stopped or failed to start. See logs for more information.  Container exit code: 255. The command is not a program for this machine: build it for linux/" +
				runtime.GOARCH + ", or begin a script with #! and its interpreter. Last output: exec /app: exec format error",
			output: []string{"exec /app: exec format error"}, within: 2 * time.Second,
		},
		"no loader": {
			app:    app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 255}, output: []string{"exec /app: no such file or directory"}},
			reason: "Your application stopped or failed to start. See logs for more information.  Container exit code: 255. The command needs a loader or an interpreter that the image does not have: link the program statically, or use an image that has it. Last output: exec /app: no such file or directory",
			output: []string{"exec /app: no such file or directory"}, within: 2 * time.Second,
		},
		"exits with 255 of itself": {
			app:    app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 255}, output: []string{"exec /app: out of ideas"}},
			reason: "Your application stopped or failed to start. See logs for more information.  Container exit code: 255. Last output: exec /app: out of ideas",
			output: []string{"exec /app: out of ideas"}, within: 2 * time.Second,
		},
		"out of memory": {
			app:    app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 137, OutOfMemory: true, MemoryPeak: 2047 << 20}},
			reason: "Your application was killed because it used more than its memory limit of 2048 MB (peak 2047 MB). Give the instance more memory, or make the application use less. Container exit code: 137",
			within: 2 * time.Second,
		},
		"out of memory, peak unknown": {
			app:    app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 137, OutOfMemory: true}},
			reason: "Your application was killed because it used more than its memory limit of 2048 MB. Give the instance more memory, or make the application use less. Container exit code: 137",
			within: 2 * time.Second,
		},
		"disk full": {
			app:    app{slow: day, exitAfter: time.Second, exit: engine.Exit{Code: 1, DiskFull: true}},
			reason: "Your application stopped with its ephemeral disk full: an instance has 3 GB. Write less, or store files elsewhere. Container exit code: 1",
			within: 2 * time.Second,
		},
		"another port": {
			app:    app{slow: day, listening: []engine.Listener{listener("0.0.0.0", 3000), listener("::", 3000)}},
			reason: "Health check failed on port '8080'. Check your configured port number. For more information, read the application logs. The application listens on port 3000 instead. Set the service's port to it, or make the application listen on the PORT variable.",
			within: 30 * time.Second,
		},
		"several ports": {
			app:    app{slow: day, listening: []engine.Listener{listener("0.0.0.0", 10000), listener("0.0.0.0", 9000)}},
			reason: "Health check failed on port '8080'. Check your configured port number. For more information, read the application logs. The application listens on port 9000, 10000 instead. Set the service's port to it, or make the application listen on the PORT variable.",
			within: 30 * time.Second,
		},
		"only on loopback": {
			app:    app{slow: day, listening: []engine.Listener{listener("127.0.0.1", 8080)}},
			reason: "Health check failed on port '8080'. Check your configured port number. For more information, read the application logs. The application listens on 127.0.0.1:8080 only, which nothing outside its instance can reach. Make it listen on 0.0.0.0:8080.",
			within: 30 * time.Second,
		},
		"listens and is silent": {
			app:    app{slow: day, listening: []engine.Listener{listener("0.0.0.0", 8080)}},
			reason: "Health check failed on port '8080'. Check your configured port number. For more information, read the application logs. The application listens on port 8080 but does not answer: connection refused.",
			within: 30 * time.Second,
		},
		"bad status": {
			http:   true,
			app:    app{check: func() error { return &badStatus{code: 500, line: "no database"} }},
			reason: `Health check failed on path '/' and port '8080': the application answered status 500: "no database". Make the path answer a status from 200 to 399, or set another health check path.`,
			within: 30 * time.Second,
		},
		"never listens": {
			app:    app{slow: day},
			reason: "Health check failed on port '8080'. Check your configured port number. For more information, read the application logs. The application did not listen on any port within 5m0s. It must listen on 0.0.0.0:8080 (the PORT variable); if it needs longer to start, make it listen first.",
			within: 5*time.Minute + time.Second,
		},
		"command does not exist": {
			app:    app{startErr: engine.Errorf(engine.BadCommand, "the command %q does not exist in the image", "serve")},
			reason: `the command "serve" does not exist in the image`,
		},
		"wrong architecture": {
			app:    app{startErr: engine.Errorf(engine.WrongArchitecture, "the image is for arm64")},
			reason: "the image is for arm64",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, Options{}, func(t *testing.T, w *world) {
				w.behave = func(engine.Spec) app { return c.app }
				s, r := service(1, 1)
				if c.http {
					r.Spec.Health.Protocol = apprunner.HealthHTTP
				}
				err := w.Deploy(t.Context(), s, r)
				failure, ok := errors.AsType[*Failure](err)
				if !ok {
					t.Fatalf("Deploy = %v, want a *Failure", err)
				}
				if diff := cmp.Diff(&Failure{Reason: c.reason, Output: c.output}, failure, cmpopts.IgnoreUnexported(Failure{})); diff != "" {
					t.Errorf("failure (-want +got):\n%s", diff)
				}
				if took := time.Since(w.begin); took > c.within {
					t.Errorf("it took %v to find out, want at most %v", took, c.within)
				}
				if err := w.Discard(t.Context(), s, r.ID); err != nil || len(w.now().instances) != 0 {
					t.Errorf("Discard = %v, and %d instances are left", err, len(w.now().instances))
				}
			})
		})
	}
}

// A fault of the engine is not the application's: whoever deploys may try again.
func TestEngineFaultIsNoFailure(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		fault := errors.New("the engine's socket is closed")
		w.locked(func() { w.prepare = fault })
		s, r := service(1, 1)
		err := w.Deploy(t.Context(), s, r)
		if _, ok := errors.AsType[*Failure](err); ok || !errors.Is(err, fault) {
			t.Fatalf("Deploy = %#v", err)
		}
		if err := w.Discard(t.Context(), s, r.ID); err != nil {
			t.Fatal(err)
		}
		w.locked(func() { w.prepare = nil })
		if err := w.Deploy(t.Context(), s, r); err != nil {
			t.Errorf("the second try: %v", err)
		}
	})
}

func TestFailureIsAnError(t *testing.T) {
	t.Parallel()
	var err error = &Failure{Reason: "why"}
	if got := fmt.Errorf("deploy: %w", err).Error(); !strings.HasSuffix(got, "why") {
		t.Error(got)
	}
}

package bench

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/router"
	"github.com/slipway-run/slipway/internal/router/accesslog"
	"github.com/slipway-run/slipway/internal/telemetry"
	"github.com/slipway-run/slipway/test/kit"
)

const (
	routerListen  = "SLIPWAY_BENCH_ROUTER"
	routerBackend = "SLIPWAY_BENCH_BACKEND"
	routerLogs    = "SLIPWAY_BENCH_LOGS"
	routerLimit   = "SLIPWAY_BENCH_CONCURRENCY"
	answerText    = "hello, world"
	benchHost     = "abcdefghij.us-east-1.localhost"
)

// contender is a proxy that runs, or the backend itself.
type contender struct {
	name    string
	address string
	version string
}

// startContenders starts the backend, the router and the peers, each with the settings that its own
// documentation recommends for this: a worker for each processor, connections to the backend kept.
func startContenders(b *testing.B) []contender {
	b.Helper()
	dir := b.TempDir()
	backend := "127.0.0.1:" + freePort(b)
	runNginx(b, dir, "backend", fmt.Sprintf(nginxBackend, backend))
	all := []contender{{name: direct, address: backend}}
	add := func(name, version string) string {
		c := contender{name: name, address: "127.0.0.1:" + freePort(b), version: version}
		all = append(all, c)
		return c.address
	}
	startRouter(b, add("slipway", ""), backend)
	runNginx(b, dir, "nginx", fmt.Sprintf(nginxProxy, backend, add("nginx", version("nginx", "-v"))))

	file := writeConfig(b, dir, "haproxy.cfg", fmt.Sprintf(haproxyProxy, add("haproxy", version("haproxy", "-v")), backend))
	start(b, nil, "haproxy", "-db", "-f", file)

	startCaddy(b, dir, "caddy", add("caddy", version("caddy", "version")), backend, "", "")
	startTraefik(b, dir, "traefik", add("traefik", strings.TrimPrefix(traefikVersion, "v")), backend, "")
	// The same with what Slipway does beside: metrics, and an access log in a file.
	startCaddy(b, dir, logging("caddy"), add(logging("caddy"), version("caddy", "version")), backend, caddyMetrics, fmt.Sprintf(caddyLog, dir))
	startTraefik(b, dir, logging("traefik"), add(logging("traefik"), strings.TrimPrefix(traefikVersion, "v")), backend, fmt.Sprintf(traefikLog, dir))
	startKamal(b, dir, add("kamal-proxy", strings.TrimPrefix(kamalVersion, "v")), backend)
	for _, c := range all {
		await(b, c)
	}
	return all
}

// logging is the name of a contender that has metrics and writes an access log.
func logging(name string) string { return name + ", logging" }

func startCaddy(b *testing.B, dir, name, listen, backend, global, site string) {
	b.Helper()
	_, port, _ := net.SplitHostPort(listen)
	file := writeConfig(b, dir, "Caddyfile of "+name, fmt.Sprintf(caddyProxy, global, port, site, backend))
	start(b, []string{"XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}, "caddy", "run", "--config", file, "--adapter", "caddyfile")
}

func startTraefik(b *testing.B, dir, name, listen, backend, more string) {
	b.Helper()
	_, port, _ := net.SplitHostPort(listen)
	routes := writeConfig(b, dir, name+"-routes.yaml", fmt.Sprintf(traefikRoutes, backend))
	file := writeConfig(b, dir, name+".yaml", fmt.Sprintf(traefikProxy, port, routes, more))
	start(b, nil, peer("traefik", traefikVersion), "--configfile="+file)
}

// The versions that scripts/bench-peers builds.
const (
	traefikVersion = "v3.6.12"
	kamalVersion   = "v0.9.2"
)

// peer is a program that scripts/bench-peers built.
func peer(name, version string) string { return kit.Binary("bench/" + name + "-" + version) }

// startKamal starts kamal-proxy and gives it the backend, as a deployment does. It always writes an access
// log; nobody reads it here.
func startKamal(b *testing.B, dir, listen, backend string) {
	b.Helper()
	_, port, _ := net.SplitHostPort(listen)
	env := []string{"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
	program := peer("kamal-proxy", kamalVersion)
	start(b, env, program, "run", "--http-port", port, "--https-port", freePort(b))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		cmd := exec.Command(program, "deploy", "hello", "--target", backend)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("kamal-proxy deploy: %v\n%s", err, out)
		}
	}
}

const traefikProxy = `entryPoints:
  web:
    address: 127.0.0.1:%s
providers:
  file:
    filename: %s
serversTransport:
  maxIdleConnsPerHost: 128
log:
  level: ERROR
global:
  checkNewVersion: false
  sendAnonymousUsage: false
%s`

// traefikLog is buffered, as its documentation advises for speed.
const traefikLog = `accessLog:
  filePath: %s/traefik-access.log
  format: json
  bufferingSize: 1000
metrics:
  prometheus: {}
`

const traefikRoutes = `http:
  routers:
    hello:
      rule: Host(` + "`" + benchHost + "`" + `)
      entryPoints: [web]
      service: hello
  services:
    hello:
      loadBalancer:
        servers:
          - url: http://%s
`

// The backend answers from memory: it costs as little as there is.
const nginxBackend = `server {
	listen %s reuseport;
	keepalive_requests 1000000000;
	location / { return 200 "` + answerText + `"; }
}`

const nginxProxy = `upstream backend { server %s; keepalive 128; keepalive_requests 1000000000; }
server {
	listen %s reuseport;
	keepalive_requests 1000000000;
	location / {
		proxy_pass http://backend;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_set_header Host $host;
		proxy_set_header X-Forwarded-For $remote_addr;
		proxy_set_header X-Forwarded-Proto $scheme;
		proxy_set_header X-Forwarded-Host $http_host;
	}
}`

const nginxMain = `daemon off;
worker_processes auto;
error_log stderr error;
pid %[1]s/%[2]s.pid;
worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
	access_log off;
	client_body_temp_path %[1]s/%[2]s-body;
	proxy_temp_path %[1]s/%[2]s-proxy;
	fastcgi_temp_path %[1]s/%[2]s-fastcgi;
	uwsgi_temp_path %[1]s/%[2]s-uwsgi;
	scgi_temp_path %[1]s/%[2]s-scgi;
	%[3]s
}
`

const haproxyProxy = `defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	http-reuse always
	option forwardfor
frontend front
	bind %s
	http-request set-header X-Forwarded-Proto http
	http-request set-header X-Forwarded-Host %%[req.hdr(Host)]
	default_backend back
backend back
	server one %s pool-max-conn -1
`

const caddyProxy = `{
	admin off
	auto_https off
	log {
		level ERROR
	}
%s}
http://:%s {
%s	reverse_proxy %s {
		transport http {
			keepalive_idle_conns_per_host 128
		}
	}
}
`

// caddyMetrics and caddyLog go into the first and the second place of caddyProxy.
const (
	caddyMetrics = "	servers {\n		metrics\n	}\n"
	caddyLog     = `	log {
		output file %s/caddy-access.log
		level INFO
	}
`
)

func runNginx(b *testing.B, dir, name, servers string) (pid int) {
	b.Helper()
	return start(b, nil, "nginx", "-p", dir, "-e", "stderr", "-c", writeConfig(b, dir, name+".conf", fmt.Sprintf(nginxMain, dir, name, servers)))
}

func writeConfig(b *testing.B, dir, name, text string) string {
	b.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	return file
}

// start runs a program until the benchmark ends.
func start(b *testing.B, env []string, program string, args ...string) (pid int) {
	b.Helper()
	if _, err := exec.LookPath(program); err != nil {
		program = filepath.Join("/usr/sbin", program) // where users that are not root do not look
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		impatient := time.AfterFunc(time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		impatient.Stop()
	})
	return cmd.Process.Pid
}

func await(b *testing.B, c contender) {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+c.address, nil)
		req.Host = benchHost
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if string(body) == answerText {
				return
			}
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s does not answer: %v", c.name, err)
		}
	}
}

var versionPattern = regexp.MustCompile(`v?[0-9]+\.[0-9]+\.[0-9]+`)

func version(program, arg string) string {
	out, _ := exec.Command(program, arg).CombinedOutput()
	return strings.TrimPrefix(string(versionPattern.Find(out)), "v")
}

// startRouter runs the router as the daemon does, with an observer and an access log, in a process of its
// own. Of the peers only kamal-proxy logs requests.
func startRouter(b *testing.B, listen, backend string, more ...string) (pid int) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	return start(b, append([]string{routerListen + "=" + listen, routerBackend + "=" + backend, routerLogs + "=" + b.TempDir()}, more...), self)
}

type observer struct {
	log  *slog.Logger
	logs *telemetry.Log
}

func (o observer) InstanceFailed(_, _ string, err error) {
	o.log.Error("instance failed", "error", err)
}
func (o observer) Demand(string)       {}
func (o observer) Wake(string, string) {}

// Keep implements accesslog.Sink.
func (o observer) Keep(id, name string, lines []byte) error {
	return o.logs.Access(telemetry.Service{Name: name, ID: id}, lines)
}

// serveRouter is the program that startRouter starts. It serves until it is told to end.
func serveRouter(listen, backend string) {
	runtime.GOMAXPROCS(router.Processors()) // as the daemon does
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	fail := func(err error) {
		if err != nil {
			log.Error("the router does not serve", "error", err)
			os.Exit(1)
		}
	}
	logs, err := telemetry.Open(os.Getenv(routerLogs), nil, telemetry.Options{Log: log})
	fail(err)
	seen := observer{log, logs}
	r := router.New(router.Options{Observer: seen, Log: log, Access: accesslog.New(seen, accesslog.Options{Log: log})})
	limit, err := strconv.Atoi(cmp.Or(os.Getenv(routerLimit), "100"))
	fail(err)
	fail(r.SetService(router.Route{ServiceID: "svc", Name: "hello", Hosts: []string{benchHost}, State: router.Serving, MaxConcurrency: limit}))
	fail(r.AddInstance("svc", router.Instance{ID: "a", Address: netip.MustParseAddrPort(backend), Healthy: true}))
	if address := os.Getenv("SLIPWAY_BENCH_PPROF"); address != "" {
		go func() { _ = http.ListenAndServe(address, nil) }()
	}
	go func() { // scaling looks once a second
		for range time.Tick(time.Second) {
			r.Sample("svc")
		}
	}()
	l, err := net.Listen("tcp", listen)
	fail(err)
	fail(router.NewServer(r, router.ServerOptions{Log: log}).Serve(l))
}

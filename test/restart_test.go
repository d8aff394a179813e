package test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/test/kit"
)

// lean has no instances that are prepared for later, so that those that are there can be counted.
const lean = quick + "idle: {spares: 0}\n"

// TestReplaced has everything under way that a new daemon must not break, and replaces the daemon.
func TestReplaced(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, lean)
	service := start(t, s)
	before := s.Instances()

	kept, idle := keptClient(s.Client()), keptClient(s.Client())
	kept.call(t, "POST", "http://"+*service.ServiceUrl+"/", "u0 instance", false)
	idle.call(t, "POST", "http://"+*service.ServiceUrl+"/", "u0 instance", false)
	api := keptClient(&http.Client{Transport: &http.Transport{}})
	api.call(t, "GET", "http://"+s.API+"/v2/", "", false)
	slow := s.Go(service, "POST", "/sleep?d=3s")
	tunnel, echo := openTunnel(t, s, service)
	upload := beginUpload(t, s)
	time.Sleep(100 * time.Millisecond) // for the slow request to arrive
	s.Describe(*service.ServiceArn)    // leaves a connection to the API behind, in the tests' own client

	beginUpdate(t, s, service, 1)
	old := s.PID()
	s.Replace(kit.Binary("slipway"))
	echoes(t, tunnel, echo)
	if err := alive(old); err != nil {
		t.Errorf("the old daemon has clients, and is gone: %v", err)
	}
	succeeded(t, s, service) // it was begun by the one and ended by the other
	kept.call(t, "POST", "http://"+*service.ServiceUrl+"/", "u1 instance", true)
	kept.call(t, "POST", "http://"+*service.ServiceUrl+"/", "u1 instance", false) // the last answer had told that the connection ends
	api.call(t, "GET", "http://"+s.API+"/v2/", "", true)
	upload(t)
	if code, body := slow(); code != http.StatusOK || !strings.HasPrefix(body, "slept") {
		t.Errorf("a request that was under way is answered %d %q", code, body)
	}
	beginUpdate(t, s, service, 2)
	succeeded(t, s, service)
	// The instance that the old daemon knew is gone, and it knows the new one.
	idle.call(t, "POST", "http://"+*service.ServiceUrl+"/", "u2 instance", true)
	s.AwaitSettled(1)
	for id := range before {
		if s.Instances()[id] != "" {
			t.Errorf("instance %s still runs", id)
		}
	}

	// The end of Slipway is the end of both, though the old one has a WebSocket.
	tunnel, echo = openTunnel(t, s, service)
	old = s.PID()
	s.Replace(kit.Binary("slipway"))
	echoes(t, tunnel, echo)
	began := time.Now()
	s.CLI("down")
	if took := time.Since(began); took > 15*time.Second || alive(old) == nil {
		t.Errorf("after %v the old daemon is alive: %v", took, alive(old) == nil)
	}
	if _, err := echo.ReadByte(); err == nil {
		t.Error("the WebSocket is still open")
	}
}

func alive(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil && strings.Contains(string(stat), ") Z ") {
		err = fmt.Errorf("process %d has ended", pid)
	}
	return err
}

// kept is a client that keeps one connection.
type kept struct{ client *http.Client }

func keptClient(c *http.Client) kept { return kept{c} }

// call does a request and checks its answer, and whether it went over the connection of the one before.
func (k kept) call(t *testing.T, method, url, want string, reused bool) {
	t.Helper()
	got := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { got = i.Reused }})
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := k.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.HasPrefix(string(body), want) || got != reused {
		t.Errorf("%s %s is answered %d %q, %v, over a connection that was used before: %v; want %q and %v", method, url, response.StatusCode, body, err, got, want, reused)
	}
}

// openTunnel upgrades a connection to the service.
func openTunnel(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /echo HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", *service.ServiceUrl)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", response, err)
	}
	echoes(t, conn, in)
	return conn, in
}

func echoes(t *testing.T, conn net.Conn, in *bufio.Reader) {
	t.Helper()
	fmt.Fprintln(conn, "ping")
	if line, err := in.ReadString('\n'); line != "ping\n" || err != nil {
		t.Errorf("the WebSocket sends back %q, %v", line, err)
	}
}

// beginUpload begins to push a blob. What it returns sends the rest.
func beginUpload(t *testing.T, s *kit.Slipway) (end func(*testing.T)) {
	t.Helper()
	blob := make([]byte, 1<<20)
	_, _ = rand.Read(blob)
	client := &http.Client{Transport: &http.Transport{}}
	do := func(method, location string, body io.Reader) *http.Response {
		request, err := http.NewRequest(method, location, body)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(s.Key().ID, s.Key().Secret)
		request.Header.Set("Content-Type", "application/octet-stream")
		response, err := client.Do(request)
		if err != nil {
			t.Fatalf("%s %s: %v", method, location, err)
		}
		_ = response.Body.Close()
		return response
	}
	at := func(r *http.Response) string {
		location, err := r.Location()
		if err != nil {
			t.Fatalf("answered %s: %v", r.Status, err)
		}
		return location.String()
	}
	upload := at(do(http.MethodPost, "http://"+s.API+"/v2/slow/blobs/uploads/", nil))
	reader, writer := io.Pipe()
	patched := make(chan *http.Response, 1)
	go func() { patched <- do(http.MethodPatch, upload, reader) }()
	if _, err := writer.Write(blob[:len(blob)/2]); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) {
		t.Helper()
		if _, err := writer.Write(blob[len(blob)/2:]); err != nil {
			t.Fatal(err)
		}
		_ = writer.Close()
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(blob))
		end := at(<-patched) + "&digest=" + digest
		if r := do(http.MethodPut, end, bytes.NewReader(nil)); r.StatusCode != http.StatusCreated {
			t.Errorf("the end of the upload is answered %s", r.Status)
		}
		if r := do(http.MethodHead, "http://"+s.API+"/v2/slow/blobs/"+digest, nil); r.StatusCode != http.StatusOK || r.ContentLength != int64(len(blob)) {
			t.Errorf("the blob is answered %s with %d bytes", r.Status, r.ContentLength)
		}
	}
}

// TestReplacedWhileAsleep replaces the daemon while instances sleep. Old connections wake them, through the
// new daemon.
func TestReplacedWhileAsleep(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {start: 20s, drain: 5s, stop: 3s, scale-in: 1s}\nidle: {throttle-after: 100ms, freeze-after: 200ms, spares: 0}\n")
	s.PushMimic("mimic:latest", "v1")
	services, old := map[string]*apprunnerapi.Service{}, map[string]kept{}
	for name, tag := range map[string]apprunnerapi.Tag{
		"frozen": {Key: new("slipway:idle"), Value: new("freeze")},
		"gone":   {Key: new("slipway:scale-to-zero-after"), Value: new("1s")},
	} {
		in := s.Input(name, "mimic:latest", "MARK="+s.Dir+name)
		in.Tags = []apprunnerapi.Tag{tag}
		services[name], old[name] = s.Run(in), keptClient(s.Client())
		old[name].call(t, "POST", "http://"+*services[name].ServiceUrl+"/", "v1 instance", false)
	}
	s.Eventually("one service has no process any more", 20*time.Second, func() error {
		if all := kit.Processes(t, "MARK="+s.Dir+"gone"); len(all) > 0 {
			return kit.Errorf("%v run", all)
		}
		return nil
	})
	frozen := kit.Processes(t, "MARK="+s.Dir+"frozen")
	s.Replace(kit.Binary("slipway"))
	for name, service := range services {
		old[name].call(t, "POST", "http://"+*service.ServiceUrl+"/", "v1 instance", true)
		wantBody(t, s, service, "/", "v1 instance")
	}
	if now := kit.Processes(t, "MARK="+s.Dir+"frozen"); len(now) != 1 || now[0] != frozen[0] {
		t.Errorf("the processes %v are now %v", frozen, now)
	}
}

// TestReplacementKilled kills one of the two daemons at every moment of a replacement. There is always one
// that serves in the end, and while the old one lives no request is lost.
func TestReplacementKilled(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, lean)
	service := start(t, s)
	before := s.Instances()
	update := int64(0)
	deployable := func(point string) {
		t.Helper()
		update++
		beginUpdate(t, s, service, update)
		if o := awaitNewest(t, s, service); *o.Status != "SUCCEEDED" {
			t.Fatalf("after %s: the update %s", point, *o.Status)
		}
		wantBody(t, s, service, "/", fmt.Sprintf("u%d instance", update))
	}
	for _, point := range []string{"TAKE_OVER:listeners", "TAKE_OVER:given", "TAKE_OVER:ready", "TAKE_OVER:serving"} {
		clients := s.Load(service, kit.LoadOptions{Method: http.MethodPost, Rate: 200})
		serving := s.Serving()
		s.Env = []string{"SLIPWAY_KILL_AT=" + point}
		dead := s.StartReplacement(kit.Binary("slipway"))
		s.Env = nil
		<-dead
		if point != "TAKE_OVER:listeners" { // then the old one has let go of everything
			s.AwaitOther(serving, 20*time.Second)
		}
		deployable(point)
		clients.End(t, "killed at "+point)
	}
	for _, point := range []string{"HAND_OVER:asked", "HAND_OVER:gave", "HAND_OVER:given", "HAND_OVER:left"} {
		s.Env = []string{"SLIPWAY_KILL_AT=" + point}
		s.Replace(kit.Binary("slipway"))
		s.Env = nil
		refused := refusals(t, s)
		s.Replace(kit.Binary("slipway"))
		deployable(point)
		if n := refused(); n > 0 {
			t.Errorf("killed at %s: %d connections were refused, though somebody had the listeners all the time", point, n)
		}
	}
	s.AwaitSettled(len(before))
}

// refusals counts how often connections to applications are refused until it is called.
func refusals(t *testing.T, s *kit.Slipway) func() int {
	t.Helper()
	stop, counted := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				counted <- n
				return
			case <-time.After(time.Millisecond):
			}
			conn, err := net.Dial("tcp", s.HTTP)
			if err != nil {
				n++
				continue
			}
			_ = conn.Close()
		}
	}()
	return func() int { close(stop); return <-counted }
}

// TestRestartCommand replaces the daemon as its owner does, by programs that are good and bad.
func TestRestartCommand(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	service := start(t, s)
	old := s.Serving()
	if _, errOut, err := s.Try("restart", "--binary", "/no/such/slipway"); err == nil || !strings.Contains(errOut, "no such file") {
		t.Errorf("a program that is not there: %v %s", err, errOut)
	}
	if _, errOut, err := s.Try("restart", "--binary", "/bin/false"); err == nil || !strings.Contains(errOut, fmt.Sprintf("The old one, %d, goes on", old)) {
		t.Errorf("a program that is none: %v %s", err, errOut)
	}
	s.Configure("timeouts: {drain: nonsense}\n")
	if _, errOut, err := s.Try("restart"); err == nil || !strings.Contains(errOut, "goes on") {
		t.Errorf("a configuration that is wrong: %v %s", err, errOut)
	}
	s.Configure(quick)
	if _, errOut, err := s.Try("serve"); err == nil || !strings.Contains(errOut, "slipway restart") {
		t.Errorf("a second daemon: %v %s", err, errOut)
	}
	if now := s.Serving(); now != old {
		t.Fatalf("process %d serves instead of %d", now, old)
	}
	// Another version, where the running one was: the file of the running one is gone.
	program := anotherProgram(t)
	out := s.CLI("restart", "--binary", program)
	if want := fmt.Sprintf("Process %d serves now.\n", s.Serving()); out != want || s.Serving() == old {
		t.Errorf("restart says %q, want %q and another than %d", out, want, old)
	}
	wantBody(t, s, service, "/", "u0 instance")
	if _, err := daemon.ReadInfo(s.Dir); err != nil {
		t.Error(err)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if _, errOut, err := s.Try("restart"); err == nil || !strings.Contains(errOut, "no such file") {
		t.Errorf("a program that was deleted: %v %s", err, errOut)
	}
	s.CLI("restart", "--binary", kit.Binary("slipway"))
	wantBody(t, s, service, "/", "u0 instance")
}

// anotherProgram is a copy of the program elsewhere.
func anotherProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "slipway")
	if out, err := exec.Command("cp", kit.Binary("slipway"), program).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if err := os.Symlink(kit.Binary("engine"), filepath.Join(dir, "engine")); err != nil {
		t.Fatal(err)
	}
	return program
}

package test

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestInstance looks at what an application finds around it.
func TestInstance(t *testing.T) {
	s := kit.New(t, "timeouts: {stop: 1s}\n")
	s.Wide = true // so that only the rules of the network keep instances from the API
	s.Start()
	s.PushMimic("mimic:v1", "v1")
	s.Push(kit.WithShell(t, kit.Mimic(t, "v1")), "shell:v1")
	in := s.Input("first", "mimic:v1", "PORT=1", "GREETING=good morning, \"you\"", "EMPTY=")
	in.SourceConfiguration.ImageRepository.ImageConfiguration.Port = new("9191")
	first := s.Run(in)
	second := s.Run(s.Input("second", "mimic:v1"))
	for name, test := range map[string]func(*testing.T, *kit.Slipway, *apprunnerapi.Service){
		"environment": testEnvironment,
		"limits":      testLimits,
		"privileges":  testPrivileges,
		"files":       testFiles,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s.With(t), first)
		})
	}
	t.Run("network", func(t *testing.T) {
		t.Parallel()
		testNetwork(t, s.With(t), first, second)
	})
	for i, c := range []struct{ image, start, args string }{
		{"mimic:v1", "/mimic --name plain", `["--name" "plain"]`},
		{"mimic:v1", `/mimic "two words" 'a "quoted" one' ""`, `["two words" "a \"quoted\" one" ""]`},
		{"shell:v1", `exec /mimic $((40 + 2)) "$GREETING"`, `["42" "hello"]`},
		{"shell:v1", `true && exec /mimic started`, `["started"]`},
	} {
		t.Run("start command "+c.start, func(t *testing.T) {
			t.Parallel()
			s := s.With(t)
			in := s.Input(fmt.Sprintf("start-%d", i), c.image, "GREETING=hello")
			setStart(c.start)(in)
			wantBody(t, s, s.Run(in), "/args", c.args)
		})
	}
}

func testEnvironment(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	_, body := s.Get(service, "/env")
	env := strings.Split(strings.TrimSpace(body), "\n")
	for _, want := range []string{"PORT=9191", `GREETING=good morning, "you"`, "EMPTY=", "VERSION=v1"} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s:\n%s", want, body)
		}
	}
	if strings.Count("\n"+body, "\nPORT=") != 1 {
		t.Errorf("PORT is there more than once:\n%s", body)
	}
	name := hostname(s, service)
	if own, _ := os.Hostname(); name == own || len(name) != 12 {
		t.Errorf("the host name is %q", name)
	}
	wantBody(t, s, service, "/pid", "1\n")
	wantBody(t, s, service, "/read?file=/etc/hosts", name)
	wantBody(t, s, service, "/read?file=/etc/resolv.conf", "nameserver ")
}

// hostname asks an instance of a service for its name.
func hostname(s *kit.Slipway, service *apprunnerapi.Service) string {
	_, body := s.Get(service, "/")
	_, name, _ := strings.Cut(strings.TrimSpace(body), " instance ")
	return name
}

func testLimits(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	pid := kit.Process(t, hostname(s, service))
	if pid == 0 {
		t.Fatal("the application has no process")
	}
	if got := kit.Limit(t, pid, "memory.max", "memory.limit_in_bytes"); got != strconv.Itoa(512<<20) {
		t.Errorf("the memory limit is %s, want that of 512 MB", got)
	}
	if got := kit.Limit(t, pid, "cpu.max", "cpu.cfs_quota_us"); strings.Fields(got)[0] != "25000" {
		t.Errorf("the CPU limit is %s, want a quarter of 100 ms", got)
	}
	wantBody(t, s, service, "/write?mb=2900", "wrote 2900")
	wantBody(t, s, service, "/write?mb=400", "no space left on device")
}

// dockerDefault is the capabilities that Docker gives by default.
const dockerDefault = 0x00000000a80425fb

func testPrivileges(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	_, body := s.Get(service, "/status")
	status := map[string]string{}
	for line := range strings.Lines(body) {
		key, value, _ := strings.Cut(line, ":")
		status[key] = strings.TrimSpace(value)
	}
	for key, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "CapAmb": "0000000000000000"} {
		if status[key] != want {
			t.Errorf("%s is %q, want %s", key, status[key], want)
		}
	}
	for _, set := range []string{"CapEff", "CapPrm", "CapBnd"} {
		got, err := strconv.ParseUint(status[set], 16, 64)
		if err != nil || got&^dockerDefault != 0 {
			t.Errorf("%s is %q, want nothing beyond %016x", set, status[set], dockerDefault)
		}
	}
}

// testFiles holds against the instance what only this machine has.
func testFiles(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	sockets, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	files := []string{s.Dir, s.Dir + "/slipway.db", "/root", "/var/lib/dpkg"}
	for line := range strings.Lines(string(sockets)) {
		fields := strings.Fields(line)
		if path := fields[len(fields)-1]; strings.HasPrefix(path, "/") && strings.Contains(path, "slipway") {
			files = append(files, path)
		}
	}
	if len(files) < 5 {
		t.Fatalf("found no sockets of the engine in\n%s", sockets)
	}
	for _, file := range files {
		if _, body := s.Get(service, "/read?file="+url.QueryEscape(file)); !strings.Contains(body, "no such file or directory") {
			t.Errorf("an instance gets %q of %s", body, file)
		}
	}
	if _, body := s.Get(service, "/read?file=/proc/net/unix"); strings.Count(body, "\n") > 1 {
		t.Errorf("an instance sees sockets:\n%s", body)
	}
}

func testNetwork(t *testing.T, s *kit.Slipway, first, second *apprunnerapi.Service) {
	_, api, _ := net.SplitHostPort(s.API)
	_, applications, _ := net.SplitHostPort(s.HTTP)
	gateway := gatewayOf(t, s, first)
	_, other := s.Get(second, "/address")

	reaches := func(address string) bool {
		t.Helper()
		_, body := s.Get(first, "/dial?to="+url.QueryEscape(address))
		if !strings.HasPrefix(body, "connected") && !strings.HasPrefix(body, "failed: ") {
			t.Errorf("the instance does not tell whether it reaches %s: %q", address, body)
		}
		return strings.HasPrefix(body, "connected")
	}
	conn, err := net.DialTimeout("tcp", other+":8080", 2*time.Second)
	if err != nil {
		t.Fatalf("the address of the other service's instance is wrong: %v", err)
	}
	_ = conn.Close()
	forbidden := []string{other + ":8080", gateway + ":" + api, gateway + ":22", "169.254.169.254:80"}
	for _, address := range hostAddresses(t) {
		forbidden = append(forbidden, address+":"+api)
	}
	var dials sync.WaitGroup // a dropped packet is not answered: all at once
	for _, address := range forbidden {
		dials.Go(func() {
			if reaches(address) {
				t.Errorf("an instance reaches %s", address)
			}
		})
	}
	dials.Wait()

	// Through its URL it reaches the other service all the same.
	query := url.Values{"url": {"http://" + gateway + ":" + applications + "/"}, "host": {*second.ServiceUrl}}
	wantBody(t, s, first, "/fetch?"+query.Encode(), "v1 instance "+hostname(s, second))
}

// gatewayOf is the way out of an instance.
func gatewayOf(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) string {
	t.Helper()
	_, routes := s.Get(service, "/read?file=/proc/net/route")
	for line := range strings.Lines(routes) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != "00000000" {
			continue
		}
		b, err := hex.DecodeString(fields[2])
		if err != nil || len(b) != 4 {
			t.Fatalf("route %q", line)
		}
		slices.Reverse(b) // the kernel prints the bytes of a number, not of an address
		address, _ := netip.AddrFromSlice(b)
		return address.String()
	}
	t.Fatalf("an instance has no route out:\n%s", routes)
	return ""
}

func hostAddresses(t *testing.T) []string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() && !slices.Contains(addresses, ip.IP.String()) {
			addresses = append(addresses, ip.IP.String())
		}
	}
	return addresses
}

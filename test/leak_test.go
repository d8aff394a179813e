package test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/sys/unix"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// canary is a secret that is looked for in every form in which it may have got somewhere.
type canary struct {
	name  string
	forms [][]byte
}

func newCanary(name string) canary {
	plain := "cAnAry+" + name + "/q7Zx-\u00fc-9Kd2Lm8Vt4Wp"
	c := canary{name: plain}
	add := func(form string) { c.forms = append(c.forms, []byte(form)) }
	add(plain)
	quoted, _ := json.Marshal(plain)
	add(string(quoted[1 : len(quoted)-1]))
	escaped := fmt.Sprintf("%+q", plain)
	add(escaped[1 : len(escaped)-1])
	add(url.QueryEscape(plain))
	add(hex.EncodeToString([]byte(plain)))
	add(strings.ToUpper(hex.EncodeToString([]byte(plain))))
	var wide []byte
	for _, unit := range utf16.Encode([]rune(plain)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	add(string(wide))
	for shift := range 3 { // wherever it begins in what is encoded
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			form := e.EncodeToString(append(bytes.Repeat([]byte{0}, shift), plain...))
			add(form[4 : len(form)-4])
		}
	}
	return c
}

func (c canary) in(data []byte) bool {
	return slices.ContainsFunc(c.forms, func(form []byte) bool { return bytes.Contains(data, form) })
}

// content returns what a file holds, without its holes.
func content(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil // gone meanwhile
	}
	defer f.Close()
	var all []byte
	for at := int64(0); ; {
		begin, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err != nil {
			return all
		}
		end, err := unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE)
		if err != nil {
			return all
		}
		part := make([]byte, end-begin)
		n, _ := f.ReadAt(part, begin)
		all, at = append(all, part[:n]...), end
	}
}

// search looks for canaries in everything that a Slipway leaves on the machine and outside of instances.
func search(t *testing.T, s *kit.Slipway, when string, canaries ...canary) (files int) {
	t.Helper()
	look := func(where string, data []byte) {
		for _, c := range canaries {
			if c.in(data) {
				t.Errorf("%s: %s is in %s", when, c.name, where)
			}
		}
	}
	sockets, err := filepath.Glob("/run/slipway-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(sockets, s.Dir) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files++
				look(path, content(path))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	look("the log of the daemon", []byte(s.Log()))
	inside, daemons := s.PIDs("process of an instance"), s.PIDs("daemon")
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(inside, pid) {
			continue
		}
		for _, file := range []string{"environ", "cmdline"} {
			data, _ := os.ReadFile(filepath.Join(process, file))
			if file == "environ" && slices.Contains(daemons, pid) { // it has those that it was given so
				for _, pair := range s.Env {
					data = bytes.ReplaceAll(data, []byte(pair), nil)
				}
			}
			look(filepath.Join(process, file), data)
		}
	}
	return files
}

// TestNoLeaks uses secrets in every way that there is, and then looks for them everywhere.
func TestNoLeaks(t *testing.T) {
	outside := &everything{}
	server := httptest.NewServer(outside)
	t.Cleanup(server.Close)
	shipped, files := filepath.Join(t.TempDir(), "shipped.log"), t.TempDir()
	s := kit.New(t, fmt.Sprintf(`log-level: debug
timeouts: {stop: 1s}
secrets: {files: %[3]s, environment: SLIPWAY_SECRET_}
events: {webhooks: [{name: eb, url: %[1]q}, {name: ce, url: %[1]q, format: cloudevents}], messages: [{name: people, url: "generic+%[1]s/people"}]}
otlp: {endpoint: %[1]q, interval: 1s, sample: 1}
logs: {ship: [{name: loki, to: loki, url: %[1]q}, {name: file, to: file, path: %[2]s}]}
`, server.URL, shipped, files))
	text, binary, parameter, next, wrong := newCanary("text"), newCanary("binary"), newCanary("parameter"), newCanary("next"), newCanary("wrong")
	inFile, newFile, inEnvironment := newCanary("file"), newCanary("new file"), newCanary("environment")
	all := []canary{text, binary, parameter, next, wrong, inFile, newFile, inEnvironment}
	agent(t, files, "leak/file", inFile.name)
	s.Env = []string{"SLIPWAY_SECRET_LEAK_VARIABLE=" + inEnvironment.name}
	s.Start()
	s.PushMimic("mimic:v1", "v1")

	// By files, as arguments of the AWS CLI would be in /proc.
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	object := func(c canary) []byte {
		data, _ := json.Marshal(map[string]string{"password": c.name})
		return data
	}
	var secret, blob struct{ ARN string }
	aws(t, s, &secret, "secretsmanager", "create-secret", "--name", "text", "--secret-string", "file://"+file("text", object(text)))
	aws(t, s, &blob, "secretsmanager", "create-secret", "--name", "binary", "--secret-binary", "fileb://"+file("binary", []byte(binary.name)), "--kms-key-id", "alias/shop")
	aws(t, s, nil, "ssm", "put-parameter", "--name", "/leak/p", "--type", "SecureString", "--value", "file://"+file("parameter", []byte(parameter.name)))
	aws(t, s, nil, "ssm", "put-parameter", "--name", "/leak/s", "--type", "String", "--value", "file://"+file("string", []byte(parameter.name)))

	in := secretInput(s, "leak", map[string]string{"TEXT": secret.ARN + ":password", "WHOLE": secret.ARN, "BINARY": blob.ARN, "PARAMETER": "/leak/p", "FILE": "/leak/file", "VARIABLE": "/leak/variable"})
	in.Tags = []apprunnerapi.Tag{{Key: new("slipway:redeploy-on-secret-change"), Value: new("true")}}
	in.AutoScalingConfigurationArn = s.Scaling("leak-two", 10, 2, 2)
	service := s.Run(in)
	arn := *service.ServiceArn
	for _, want := range []string{"TEXT=" + text.name, "BINARY=" + binary.name, "PARAMETER=" + parameter.name, "FILE=" + inFile.name, "VARIABLE=" + inEnvironment.name} {
		wantBody(t, s, service, "/env", want)
	}
	searched := search(t, s, "while the service runs", all...)

	// A service whose secrets fail to resolve, with the wrong things in the wrong places.
	aws(t, s, nil, "secretsmanager", "create-secret", "--name", "wrong", "--secret-string", "file://"+file("wrong", []byte(wrong.name)))
	for name, refs := range map[string]map[string]string{
		"leak-key": {"A": "arn:aws:secretsmanager:us-east-1:000000000000:secret:wrong:password"}, "leak-exit": {"A": secret.ARN},
		"leak-file":     {"A": "arn:aws:secretsmanager:us-east-1:000000000000:secret:leak/file:password"},
		"leak-variable": {"A": "arn:aws:secretsmanager:us-east-1:000000000000:secret:leak/variable:password"},
	} {
		failing := secretInput(s, name, refs)
		if name == "leak-exit" {
			failing.SourceConfiguration.ImageRepository.ImageConfiguration.StartCommand = new("/no/such/program")
		}
		broken, id := s.Create(failing)
		s.Await(*broken.ServiceArn, apprunnerapi.ServiceStatusCreateFailed)
		s.AwaitOperation(name, id)
	}
	denied(t, s, "(ParameterPatternMismatchException)", "ssm", "put-parameter", "--name", "n", "--type", "String", "--allowed-pattern", "^[0-9]$", "--value", "file://"+file("pattern", []byte(wrong.name)))
	denied(t, s, "(InvalidParameterException)", "secretsmanager", "create-secret", "--name", "both", "--secret-string", "file://"+file("a", []byte(wrong.name)), "--secret-binary", "fileb://"+file("b", []byte(wrong.name)))
	direct := secretInput(s, "leak-direct", map[string]string{"A": wrong.name}) // the secret where its reference belongs
	if err := s.Call("CreateService", direct, &apprunnerapi.CreateServiceOutput{}); err == nil || wrong.in([]byte(err.Error())) {
		t.Errorf("a secret instead of a reference: %v", err)
	}

	// A new value, a rollback, a pause, a crash, instances that are replaced.
	aws(t, s, nil, "secretsmanager", "update-secret", "--secret-id", "text", "--secret-string", "file://"+file("next", object(next)))
	agent(t, files, "leak/file", newFile.name)
	s.Eventually("the service has the new values", time.Minute, func() error {
		if _, body := s.Get(service, "/env"); !strings.Contains(body, "TEXT="+next.name) || !strings.Contains(body, "FILE="+newFile.name) {
			return kit.Errorf("it has not")
		}
		return nil
	})
	s.Await(arn, apprunnerapi.ServiceStatusRunning)
	s.Eventually("the collector is told of what happened so far", time.Minute, func() error { // some seconds later
		if !bytes.Contains(outside.all(), []byte("CREATE_SERVICE")) {
			return kit.Errorf("it is not")
		}
		return nil
	})
	s.Kill()
	s.Start()
	s.CLI("rollback", "leak", "1")
	s.Do("PauseService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusPaused)
	search(t, s, "while the service is paused", all...)
	s.Do("ResumeService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusRunning)

	// What everybody may be shown.
	for _, args := range [][]string{
		{"apprunner", "describe-service", "--service-arn", arn}, {"apprunner", "list-operations", "--service-arn", arn},
		{"secretsmanager", "describe-secret", "--secret-id", "text"}, {"secretsmanager", "list-secrets"},
		{"ssm", "describe-parameters"}, {"ssm", "get-parameter", "--name", "/leak/p"}, {"ssm", "get-parameters-by-path", "--path", "/leak", "--parameter-filters", "Key=Type,Values=SecureString"},
	} {
		if shown := aws(t, s, nil, args[0], args[1:]...); slices.ContainsFunc(all, func(c canary) bool { return c.in([]byte(shown)) }) {
			t.Errorf("aws %v shows a secret", args)
		}
	}
	for _, args := range [][]string{{"events", "leak"}, {"revisions", "leak"}, {"operations", "leak"}, {"operations", "leak-key"}, {"services"}} {
		if shown := s.CLI(args...); slices.ContainsFunc(all, func(c canary) bool { return c.in([]byte(shown)) }) {
			t.Errorf("slipway %v shows a secret", args)
		}
	}
	searched = max(searched, search(t, s, "at the end", all...))
	if searched < 50 {
		t.Errorf("only %d files were searched", searched)
	}

	// What was told to others: webhooks, people, a collector, and those that logs are shipped to.
	told := append(outside.all(), content(shipped)...)
	for _, want := range []string{"aws.apprunner", "specversion", "CREATE_SERVICE", "Service creation failed"} {
		if !bytes.Contains(told, []byte(want)) {
			t.Errorf("nobody was told of %s, so that nothing was searched", want)
		}
	}
	for _, c := range all {
		if c.in(told) {
			t.Errorf("%s was told to others", c.name)
		}
	}
}

// everything keeps all that is sent to it.
type everything struct {
	mu   sync.Mutex
	data []byte
}

func (e *everything) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(r.Body); err == nil {
			body = z
		}
	}
	data, _ := io.ReadAll(body)
	head := fmt.Sprint(r.URL, r.Header)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.data = append(append(e.data, head...), data...)
}

func (e *everything) all() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return bytes.Clone(e.data)
}

// The search finds what it is there to find.
func TestCanary(t *testing.T) {
	t.Parallel()
	c := newCanary("x")
	for reason, data := range map[string]string{
		"plain": "a" + c.name + "b", "in JSON": fmt.Sprintf("%q", c.name), "in base64": base64.StdEncoding.EncodeToString([]byte("ab" + c.name + "cdefg")),
		"in hexadecimal": hex.EncodeToString([]byte(c.name)), "in a URL": url.QueryEscape(c.name),
	} {
		if !c.in([]byte(data)) {
			t.Errorf("%s: not found", reason)
		}
	}
	if c.in([]byte("nothing")) {
		t.Error("found in nothing")
	}
	sparse := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(sparse)
	if err == nil {
		_, err = f.WriteAt([]byte(c.name), 1<<30)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if data := content(sparse); len(data) > 1<<20 || !c.in(data) {
		t.Errorf("not found in a sparse file of which %d bytes were read", len(data))
	}
}

// Testapp is the application that the suite of engines runs: it does on request what applications
// do to engines.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	port := flag.Int("port", 8080, "TCP port to listen on")
	exit := flag.Int("exit", -1, "exit with this code at once, after printing")
	lines := flag.Int("print", 0, "lines to print to stdout")
	line := flag.String("line", "line", "text of each line")
	stderr := flag.String("stderr", "", "text to print to stderr")
	eat := flag.Int("eat", 0, "mebibytes of memory to use up before anything else")
	fill := flag.Int64("fill", 0, "bytes to write to disk before anything else")
	ignore := flag.Bool("ignore-term", false, "ignore SIGTERM")
	termCode := flag.Int("term-code", 0, "code to exit with on SIGTERM")
	flag.Parse()

	waste = eatMemory(*eat)
	if *fill > 0 {
		if err := fillDisk(*fill); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	out := strings.Repeat(*line+"\n", *lines)
	_, _ = os.Stdout.WriteString(out)
	_, _ = os.Stderr.WriteString(*stderr)
	if *exit >= 0 {
		os.Exit(*exit)
	}
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	go func() {
		for range terms {
			fmt.Println("terminated")
			if !*ignore {
				os.Exit(*termCode)
			}
		}
	}()
	if err := serve(*port); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var waste [][]byte

func eatMemory(mebibytes int) [][]byte {
	var all [][]byte
	for range mebibytes {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = byte(i)
		}
		all = append(all, b)
	}
	return all
}

func fillDisk(bytes int64) error {
	f, err := os.OpenFile("/fill", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for left := bytes; left > 0; left -= int64(len(block)) {
		if _, err := f.Write(block[:min(left, int64(len(block)))]); err != nil {
			return err
		}
	}
	return f.Sync()
}

func serve(port int) error {
	http.HandleFunc("/status", status)
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile(r.FormValue("path"))
		answer(w, string(b), err)
	})
	http.HandleFunc("/list", func(w http.ResponseWriter, r *http.Request) {
		entries, err := os.ReadDir(r.FormValue("path"))
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		answer(w, strings.Join(names, "\n"), err)
	})
	http.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		answer(w, "", os.WriteFile(r.FormValue("path"), []byte("text"), 0o600))
	})
	http.HandleFunc("/eat", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("mb"))
		waste = append(waste, eatMemory(n)...)
		answer(w, "eaten", nil)
	})
	http.HandleFunc("/fill", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
		answer(w, "filled", fillDisk(n))
	})
	http.HandleFunc("/spin", func(w http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.FormValue("for"))
		for end := time.Now().Add(d); time.Now().Before(end); {
		}
		answer(w, "spun", nil)
	})
	http.HandleFunc("/print", func(w http.ResponseWriter, r *http.Request) {
		_, err := fmt.Println(r.FormValue("text"))
		answer(w, "printed", err)
	})
	http.HandleFunc("/exit", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.FormValue("code"))
		os.Exit(code)
	})
	http.HandleFunc("/connect", func(w http.ResponseWriter, r *http.Request) {
		c, err := net.DialTimeout("tcp", r.FormValue("addr"), 1500*time.Millisecond)
		if err == nil {
			c.Close()
		}
		answer(w, "connected", err)
	})
	return http.ListenAndServe(":"+strconv.Itoa(port), nil)
}

func answer(w http.ResponseWriter, text string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	fmt.Fprint(w, text)
}

// status tells what the process is and sees.
func status(w http.ResponseWriter, _ *http.Request) {
	namespaces := map[string]string{}
	for _, name := range []string{"pid", "mnt", "ipc", "uts", "net", "cgroup"} {
		namespaces[name], _ = os.Readlink("/proc/self/ns/" + name)
	}
	b, _ := os.ReadFile("/proc/self/status")
	fields := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			fields[k] = strings.TrimSpace(v)
		}
	}
	hostname, _ := os.Hostname()
	dir, _ := os.Getwd()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"pid": os.Getpid(), "uid": os.Getuid(), "gid": os.Getgid(), "dir": dir, "args": os.Args[1:],
		"env": os.Environ(), "hostname": hostname, "namespaces": namespaces, "status": fields,
	})
}

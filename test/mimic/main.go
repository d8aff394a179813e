// Command mimic is the application of the tests. Its environment says how it behaves, so that one
// image can be every kind of well-behaved or broken application.
//
//	PORT           listens there, unless LISTEN says otherwise
//	LISTEN         the address to listen on, "none" to listen on nothing
//	START_DELAY    how long it takes before it listens, such as 2s
//	EXIT           ends with this code after printing a last line, instead of serving
//	EXIT_SIGNAL    ignore: does not end at SIGTERM
//	FAIL_EVERY     / answers every so many-th request with status 500
//	HEALTH         the status that /health answers, with the body "not today"
//	SAY            what it prints at the start
//	EAT_MEMORY     takes this many megabytes at the start
//	EAT_DISK       fills this many megabytes of /data at the start, and ends when it cannot
//	VERSION        what / answers with
//
// It serves:
//
//	/          "VERSION instance hostname"
//	/env       its environment
//	/pid       its process id as its own namespace sees it
//	/health    HEALTH
//	/sicken?status=503 makes /health answer that from now on
//	/sleep?d=1s answers after a while
//	/burn?d=1s computes for a while
//	/exit?code=3 ends the process
//	/eat?mb=100  takes memory
//	/dial?to=host:port  tries a connection and tells how it went
//	/status    /proc/self/status
//	/write?mb=10 fills so much of the disk
//	/read?file=  the content of a file
//	/args        its arguments
//	/headers     the headers of the request
//	/protocol    the version of HTTP that it came in
//	/address     its address in its network
//	/fetch?url=&host=  the answer to a request
//	/credentials?keep=1  who its credentials are for, or why there are none; over a connection that is kept
//	/say?text=   prints a line; with times= so many, which are numbered
//	/echo        upgrades the connection and then sends back what it gets
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.Print("mimic starts")
	if text := os.Getenv("SAY"); text != "" {
		log.Print(text)
	}
	if delay, err := time.ParseDuration(os.Getenv("START_DELAY")); err == nil {
		time.Sleep(delay)
	}
	eat(number("EAT_MEMORY"))
	if mb := number("EAT_DISK"); mb > 0 {
		if err := write(mb); err != nil {
			log.Fatalf("cannot write: %v", err)
		}
	}
	if code, ok := os.LookupEnv("EXIT"); ok {
		log.Printf("mimic gives up with code %s", code)
		n, _ := strconv.Atoi(code)
		os.Exit(n)
	}
	handleSignals()
	routes()
	address := cmp.Or(os.Getenv("LISTEN"), ":"+os.Getenv("PORT"))
	if address == "none" {
		select {}
	}
	log.Printf("mimic listens on %s", address)
	server := &http.Server{Addr: address, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	log.Fatal(server.ListenAndServe())
}

var inFlight, sick, answered atomic.Int64

func handleSignals() {
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		for range terminate {
			log.Print("mimic is asked to end")
			if os.Getenv("EXIT_SIGNAL") == "ignore" {
				continue
			}
			for inFlight.Load() > 0 {
				time.Sleep(time.Millisecond)
			}
			os.Exit(0)
		}
	}()
}

func routes() {
	hostname, _ := os.Hostname()
	handle("/", func(w http.ResponseWriter, _ *http.Request) {
		if every := int64(number("FAIL_EVERY")); every > 0 && answered.Add(1)%every == 0 {
			http.Error(w, "out of luck", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "%s instance %s\n", os.Getenv("VERSION"), hostname)
	})
	handle("/env", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, strings.Join(os.Environ(), "\n")) })
	handle("/pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, os.Getpid()) })
	handle("/headers", func(w http.ResponseWriter, r *http.Request) { _ = r.Header.Write(w) })
	handle("/protocol", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.Proto) })
	handle("/health", func(w http.ResponseWriter, _ *http.Request) {
		if code := cmp.Or(int(sick.Load()), number("HEALTH")); code > 0 {
			w.WriteHeader(code)
		}
		fmt.Fprintln(w, "not today")
	})
	handle("/sicken", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("status"))
		sick.Store(int64(n))
		fmt.Fprintln(w, "sick")
	})
	handle("/sleep", func(w http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.FormValue("d"))
		time.Sleep(d)
		fmt.Fprintf(w, "slept %v instance %s\n", d, hostname)
	})
	handle("/burn", func(w http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.FormValue("d"))
		n := 0
		for begin := time.Now(); time.Since(begin) < d; {
			n++
		}
		fmt.Fprintf(w, "counted to %d instance %s\n", n, hostname)
	})
	handle("/exit", func(_ http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("code"))
		log.Printf("mimic ends with code %d", n)
		os.Exit(n)
	})
	handle("/eat", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("mb"))
		eat(n)
		fmt.Fprintln(w, "ate", n)
	})
	handle("/dial", func(w http.ResponseWriter, r *http.Request) {
		conn, err := net.DialTimeout("tcp", r.FormValue("to"), 2*time.Second)
		if err != nil {
			fmt.Fprintln(w, "failed:", err)
			return
		}
		_ = conn.Close()
		fmt.Fprintln(w, "connected")
	})
	handle("/status", func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open("/proc/self/status")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer f.Close()
		_, _ = io.Copy(w, f)
	})
	handle("/write", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("mb"))
		if err := write(n); err != nil {
			fmt.Fprintln(w, "failed:", err)
			return
		}
		fmt.Fprintln(w, "wrote", n)
	})
	handle("/address", func(w http.ResponseWriter, _ *http.Request) {
		all, _ := net.InterfaceAddrs()
		for _, a := range all {
			if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
				fmt.Fprint(w, ip.IP)
			}
		}
	})
	handle("/args", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%q\n", os.Args[1:]) })
	handle("/read", func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(r.FormValue("file"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		_, _ = w.Write(data)
	})
	handle("/fetch", func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.FormValue("url"), nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request.Host = r.FormValue("host")
		response, err := (&http.Client{Timeout: 3 * time.Second}).Do(request)
		if err != nil {
			fmt.Fprintln(w, "failed:", err)
			return
		}
		defer response.Body.Close()
		_, _ = io.Copy(w, response.Body)
	})
	handle("/credentials", func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		request.Close = r.FormValue("keep") == ""
		request.Header.Set("Authorization", os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
		var got struct{ AccessKeyId, RoleArn, Message string }
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = json.NewDecoder(response.Body).Decode(&got)
			_ = response.Body.Close()
		}
		if err != nil || got.AccessKeyId == "" {
			http.Error(w, fmt.Sprint(err, got.Message), http.StatusBadGateway)
			return
		}
		fmt.Fprintln(w, got.RoleArn)
	})
	handle("/echo", func(w http.ResponseWriter, _ *http.Request) {
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, buffer)
	})
	handle("/say", func(_ http.ResponseWriter, r *http.Request) {
		times, err := strconv.Atoi(r.FormValue("times"))
		if err != nil {
			log.Print(r.FormValue("text"))
		}
		for n := range times {
			log.Print(r.FormValue("text"), n+1)
		}
	})
}

func handle(path string, f http.HandlerFunc) {
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		inFlight.Add(1)
		defer inFlight.Add(-1)
		f(w, r)
	})
}

func number(name string) int {
	n, _ := strconv.Atoi(os.Getenv(name))
	return n
}

// eat takes memory and touches every page of it.
func eat(mb int) {
	if mb == 0 {
		return
	}
	block, err := syscall.Mmap(-1, 0, mb<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		log.Fatalf("cannot take memory: %v", err)
	}
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
}

// write takes disk space, without the time that writing so much takes.
func write(mb int) error {
	f, err := os.OpenFile("/data", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return syscall.Fallocate(int(f.Fd()), 0, info.Size(), int64(mb)<<20)
}

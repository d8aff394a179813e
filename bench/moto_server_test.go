package bench

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

// motoVersion is the release of moto, an emulator of AWS in Python, that is measured beside Slipway.
const motoVersion = "5.2.5"

// startMoto starts moto's server, and returns its URL. The first time it is installed, in a virtual
// environment beside the other tools.
func startMoto(b *testing.B) string {
	b.Helper()
	address := kit.FreeAddress(b)
	host, port := split(b, address)
	server := exec.Command(installMoto(b), "--host", host, "--port", port)
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	url := "http://" + address
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(url + "/moto-api/")
		if err == nil {
			_ = response.Body.Close()
			return url
		}
		if time.Now().After(deadline) {
			b.Fatalf("moto does not answer: %v", err)
		}
	}
}

func installMoto(b *testing.B) (program string) {
	b.Helper()
	dir := kit.Binary("tools/moto")
	marker, want := filepath.Join(dir, "installed"), "moto[server]=="+motoVersion
	program = filepath.Join(dir, "bin", "moto_server")
	if have, err := os.ReadFile(marker); err == nil && string(have) == want {
		return program
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", "--clear", dir},
		{filepath.Join(dir, "bin", "python3"), "-m", "pip", "install", "-q", want},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			b.Skipf("moto cannot be installed to compare with: %v: %v\n%s", command, err, out)
		}
	}
	if err := os.WriteFile(marker, []byte(want), 0o600); err != nil {
		b.Fatal(err)
	}
	return program
}

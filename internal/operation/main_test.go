package operation_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain has rapid do fewer rounds than it would: each opens two databases. The flag -rapid.checks
// still sets another number.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Command slipway runs container images as web services, with the API of AWS App Runner.
package main

import (
	"os"

	"github.com/slipway-run/slipway/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}

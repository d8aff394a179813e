// Package cli is the command line: one file per command. Commands but serve, down and doctor talk to
// a running daemon through its API.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

// Version is set when the program is built.
var Version = "dev"

// globals are the flags that every command has.
type globals struct {
	dataDir string
	region  string
	output  string // "text" or "json"
}

// dir is the data directory as an absolute path.
func (g *globals) dir() (string, error) { return filepath.Abs(g.dataDir) }

// quietError ends the program without another message: the command has said what happened.
type quietError struct{ code int }

func (e quietError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// Main runs the program and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if quiet, ok := errors.AsType[quietError](err); ok {
		return quiet.code
	}
	if err != nil {
		fmt.Fprintln(stderr, "slipway:", err)
		return 1
	}
	return 0
}

func newRoot() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:           "slipway",
		Short:         "Run container images as web services, with the API of AWS App Runner",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       Version,
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&g.dataDir, "data-dir", cmp.Or(os.Getenv("SLIPWAY_DATA_DIR"), "/var/lib/slipway"), "where Slipway keeps everything; SLIPWAY_DATA_DIR sets another default")
	flags.StringVar(&g.region, "region", "", "the Region to work in, instead of the daemon's own")
	flags.StringVar(&g.output, "output", "text", "text for people, json for programs")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if g.output != "text" && g.output != "json" {
			return fmt.Errorf("--output %q is neither text nor json", g.output)
		}
		return nil
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return misused(cmd, err.Error()) })
	root.AddCommand(
		newServe(g), newRestart(g), newDown(g), newDoctor(g), newEnv(g), newDemo(g),
		newDeploy(g), newServices(g), newLogs(g), newEvents(g), newScaling(g), newMetrics(g), newOperations(g), newOpen(g),
		newPause(g), newResume(g), newDelete(g), newInstances(g), newRevisions(g), newRollback(g), newCancel(g),
		newRegistry(g), newRuntimes(g), newBuild(g), newRemote(g), newConnections(g), newKeys(g), newCA(g), newBackup(g), newRestore(g),
	)
	return root
}

// oneArgument refuses a command line that has not exactly one argument.
func oneArgument(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return misused(cmd, fmt.Sprintf("want one argument, got %d", len(args)))
	}
	return nil
}

// atMostOneArgument refuses a command line that has more than one argument.
func atMostOneArgument(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return misused(cmd, fmt.Sprintf("want at most one argument, got %d", len(args)))
	}
	return nil
}

// misused tells how a command is used.
func misused(cmd *cobra.Command, what string) error {
	return fmt.Errorf("%s. Usage: %s. \"%s --help\" tells more", what, cmd.UseLine(), cmd.CommandPath())
}

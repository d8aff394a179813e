package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build"
	"github.com/slipway-run/slipway/internal/build/plan"
)

// buildOptions are the flags of "build".
type buildOptions struct {
	given            build.Settings
	directory        string
	plan, dockerfile bool
	catalogue        string
}

func newBuild(g *globals) *cobra.Command {
	var opts buildOptions
	cmd := &cobra.Command{
		Use:   "build [PATH]",
		Short: "Say how a folder of source code would be built and run, and what is wrong with it",
		Long: `Say how a folder of source code would be built and run, and what is wrong with it.

PATH is the root of the repository, by default the current folder. Its apprunner.yaml counts, without
one its Dockerfile, and without both what its files look like. Nothing is built, and no Slipway has
to run.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misused(cmd, fmt.Sprintf("want one folder, got %d", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return opts.run(cmd, g, append(args, ".")[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.plan, "plan", false, "print every step of the build")
	flags.BoolVar(&opts.dockerfile, "dockerfile", false, "print a Dockerfile that does the same")
	flags.StringVar(&opts.directory, "source-directory", "/", "the directory of the application, from the root of the repository")
	flags.StringVar(&opts.given.Runtime, "runtime", "", "the managed runtime, such as python311")
	flags.StringVar(&opts.given.Build, "build", "", "the command that builds")
	flags.StringVar(&opts.given.Start, "start", "", "the command that starts the application")
	flags.IntVar(&opts.given.Port, "port", 0, "the port that the application listens on")
	catalogueFlag(cmd, &opts.catalogue)
	cmd.MarkFlagsMutuallyExclusive("plan", "dockerfile")
	return cmd
}

func (o buildOptions) run(cmd *cobra.Command, g *globals, path string) error {
	if o.given.Port < 0 || o.given.Port > 65535 {
		return fmt.Errorf("--port %d is not a port number from 1 to 65535", o.given.Port)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return fmt.Errorf("open the folder %q: %w", path, errors.Unwrap(err))
	}
	defer root.Close()
	catalogue, err := g.catalogue(cmd, o.catalogue)
	if err != nil {
		return err
	}
	code := apprunner.CodeRepository{Directory: o.directory, Source: apprunner.FromRepository}
	decision, err := build.Decide(root.FS(), build.Request{Code: code, Given: o.given, Now: time.Now()}, catalogue)
	if err != nil {
		return err
	}
	return o.print(cmd, g.output == "json", decision)
}

// print writes what was asked for to the output, and warnings beside it.
func (o buildOptions) print(cmd *cobra.Command, json bool, d build.Decision) error {
	out := cmd.OutOrStdout()
	switch {
	case (o.plan || o.dockerfile) && d.Plan == nil:
		return fmt.Errorf("the folder has the Dockerfile %s, which is the plan. Give --runtime to build with a managed runtime instead", d.Dockerfile.Path)
	case o.dockerfile:
		fmt.Fprint(out, plan.Dockerfile(*d.Plan))
	case o.plan && json:
		return printJSON(out, d.Plan)
	case o.plan:
		fmt.Fprint(out, d.Plan)
	case json:
		return printJSON(out, d)
	default:
		printDecision(out, d)
	}
	for _, warning := range d.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), warning)
	}
	return nil
}

func printDecision(out io.Writer, d build.Decision) {
	var what string
	if d.Plan != nil {
		what = d.Plan.Runtime + " " + d.Plan.Version
	} else {
		what = "the Dockerfile " + d.Dockerfile.Path
	}
	fmt.Fprintf(out, "Builds with  %s\n", what)
	start := strings.Join(d.Run.Command, " ")
	if start == "" {
		start = "what the Dockerfile says"
	} else if plan.Shell(d.Run.Command) {
		start = d.Run.Command[2]
	}
	fmt.Fprintf(out, "Starts       %s\nPort         %d\n\n", start, d.Run.Port)
	for _, why := range d.Why {
		fmt.Fprintln(out, why)
	}
	fmt.Fprintln(out, "\n\"slipway build --plan\" prints every step, and --dockerfile a Dockerfile that does the same.")
}

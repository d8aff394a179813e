package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/build/bake"
	"github.com/slipway-run/slipway/internal/build/runtimes"
	"github.com/slipway-run/slipway/internal/daemon"
	recipes "github.com/slipway-run/slipway/runtimes"
)

func newRuntimes(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "runtimes", Short: "Show the managed runtimes, and make their images without a registry"}
	cmd.AddCommand(newRuntimesList(g), newRuntimesBuild(g))
	return cmd
}

// runtimeLine is what "runtimes list" tells of a runtime at one version.
type runtimeLine struct {
	Name    string `json:"name"`
	API     string `json:"api"`
	Version string `json:"version"`
	State   string `json:"state"` // "public", "built here", or "of this site" for what somebody else wrote into runtimes.yaml
	Build   string `json:"build"`
	Run     string `json:"run"`
	Note    string `json:"note,omitempty"`
	// Ended is the day on which App Runner ended the runtime, and Successor where to go.
	Ended     string `json:"ended,omitempty"`
	Successor string `json:"successor,omitempty"`
	// NotBuildable is why "runtimes build" cannot make the images.
	NotBuildable string `json:"notBuildable,omitempty"`
}

func newRuntimesList(g *globals) *cobra.Command {
	var images bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the managed runtimes: their versions, images and end of support",
		Long: `List the managed runtimes: their versions, where their images come from, and when App Runner ended them.

The first version of a runtime is the one that builds get which lock none.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lines, err := g.runtimeLines(cmd, time.Now())
			if err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			return printRuntimes(cmd, lines, images)
		},
	}
	cmd.Flags().BoolVar(&images, "images", false, "show the references of the images")
	return cmd
}

// cataloguePath is the file of the site's catalogue: what the daemon reads.
func (g *globals) cataloguePath(cmd *cobra.Command) (string, error) {
	config, err := g.config(cmd, daemon.DefaultConfig(), "")
	return cmp.Or(config.Build.Catalogue, filepath.Join(config.DataDir, runtimes.SiteFile)), err
}

// catalogue is that of this site before the public one. The empty file stands for the one that the
// daemon reads.
func (g *globals) catalogue(cmd *cobra.Command, file string) (*runtimes.Catalogue, error) {
	if file == "" {
		found, err := g.cataloguePath(cmd)
		if err != nil {
			return nil, err
		}
		file = found
	}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the catalogue of this site: %w", err)
	}
	return runtimes.Load(file, text)
}

// runtimeLines puts the catalogue and the recipes together.
func (g *globals) runtimeLines(cmd *cobra.Command, now time.Time) ([]runtimeLine, error) {
	catalogue, err := g.catalogue(cmd, "")
	if err != nil {
		return nil, err
	}
	book, err := bake.Open(recipes.Recipes, recipes.Yum)
	if err != nil {
		return nil, err
	}
	lines := []runtimeLine{}
	for _, r := range runtimes.All() {
		line := runtimeLine{Name: r.Name, API: r.API}
		if r.Ended(now) {
			line.Ended, line.Successor = r.EndOfSupport.Format(time.DateOnly), r.Successor
		}
		if recipe, err := book.Find(r.Name); err != nil {
			line.NotBuildable = err.Error()
		} else {
			line.NotBuildable = recipe.Unavailable
		}
		for _, images := range catalogue.Of(r.Name) {
			line.Version, line.Build, line.Run, line.Note, line.State = images.Version, images.Build, images.Run, images.Note, state(images)
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func state(images runtimes.Images) string {
	switch {
	case !images.Site:
		return "public"
	case strings.Contains(images.Build, "/"+builtPrefix):
		return "built here"
	}
	return "of this site"
}

func printRuntimes(cmd *cobra.Command, lines []runtimeLine, images bool) error {
	out := cmd.OutOrStdout()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "NAME\tVERSION\tSTATE\tSUPPORT"
	if images {
		head += "\tBUILD\tRUN"
	}
	fmt.Fprintln(table, head)
	for _, l := range lines {
		support := "supported"
		if l.Ended != "" {
			support = "ended " + l.Ended + ", go to " + l.Successor
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s", l.Name, l.Version, l.State, support)
		if images {
			fmt.Fprintf(table, "\t%s\t%s", l.Build, l.Run)
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i, l := range lines {
		if l.State == "built here" && l.Note != "" {
			fmt.Fprintf(out, "%s %s: %s\n", l.Name, l.Version, l.Note)
		}
		if l.NotBuildable != "" && (i == 0 || lines[i-1].Name != l.Name) {
			fmt.Fprintf(out, "%s cannot be built here: %s\n", l.Name, l.NotBuildable)
		}
	}
	return nil
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/backup"
	"github.com/slipway-run/slipway/internal/daemon"
)

func newBackup(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write everything that Slipway remembers to a file, while it serves",
		Long: `Write everything that Slipway remembers to a file, while it serves: services and their history,
the embedded registry, pushed source code, keys, certificates, logs of events. "-" is the standard output.

The file has the keys that open it, and the root access key: keep it as you keep those.
"slipway restore FILE" makes a Slipway of it.`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			from, err := c.admin(cmd.Context(), "GET", "backup", nil)
			if err != nil {
				return err
			}
			defer from.Close()
			if args[0] == "-" {
				_, err := io.Copy(cmd.OutOrStdout(), from)
				return cut(err)
			}
			size, err := save(from, args[0])
			if err != nil {
				return cut(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Wrote %.1f MB to %s. It has every key of this Slipway: keep it safe.\n", float64(size)/1e6, args[0])
			return nil
		},
	}
}

// cut tells what it means that a backup breaks off.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the backup broke off, and nothing of it is kept: Slipway's log tells why")
	}
	return err
}

// save writes a file that is there whole or not at all.
func save(from io.Reader, name string) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // 0600
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	size, err = io.Copy(f, from)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(f.Name(), name)
}

func newRestore(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory of a backup",
		Long: `Make a data directory of a backup. It must not be there yet, or be empty: a restore replaces nothing.
The next "slipway serve" brings every service back to what it was. "-" is the standard input.`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := g.dir()
			if err != nil {
				return err
			}
			if pid, err := daemon.Running(dir); err != nil || pid != 0 {
				return errors.Join(err, fmt.Errorf("a Slipway runs in %s (process %d). Give another --data-dir, or end it first: slipway down --data-dir %s", dir, pid, dir))
			}
			from := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				from = f
			}
			about, err := backup.Restore(from, dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Restored the Slipway of %s (version %s, domain %s) in %s.\nStart it with: slipway serve --data-dir %s\n",
				about.Time.Local().Format("2006-01-02 15:04:05"), about.Version, about.Domain, dir, dir)
			return nil
		},
	}
}

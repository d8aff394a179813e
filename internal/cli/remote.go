package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
)

func newRemote(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "remote", Short: "Deploy with git push"}
	cmd.AddCommand(newRemoteAdd(g), newRemoteCredential(g))
	return cmd
}

// newRemoteAdd makes the remote of a service in the user's repository. The key does not get into its
// configuration: Git asks this program for it.
func newRemoteAdd(g *globals) *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "add SERVICE",
		Short: `Make "git push slipway main" deploy a service from this Git repository`,
		Long: `Make "git push slipway main" deploy a service from this Git repository.

It adds the remote and has Git ask Slipway for the access key, so that the repository's configuration
has no secret. Where this program is not, add the remote by hand, with an access key id as the user and
its secret as the password:

    git remote add slipway http://KEYID@HOST:PORT/git/SERVICE.git`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			dir, err := g.dir()
			if err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			address := c.sourceURL(args[0])
			helper := fmt.Sprintf("!%s remote credential --data-dir %s", quoted(program), quoted(dir))
			for _, step := range [][]string{
				{"remote", "add", as, address},
				{"config", "--local", "--replace-all", "credential." + c.info.API + ".helper", helper},
			} {
				git := exec.CommandContext(cmd.Context(), "git", step...)
				if out, err := git.CombinedOutput(); err != nil {
					return fmt.Errorf("git %s: %s", step[0], strings.TrimSpace(string(out)))
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Remote %s is %s\nDeploy with: git push %s main\n", as, address, as)
			s, err := c.lookup(cmd.Context(), args[0])
			if err == nil && s == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "There is no service %s yet. The first push makes it: git push -o create %s main\n", args[0], as)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&as, "as", "slipway", "the name of the remote")
	return cmd
}

// quoted is a word for the shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// newRemoteCredential answers Git when it asks for the key.
func newRemoteCredential(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:    "credential get|store|erase",
		Short:  "Answer Git when it asks for the access key",
		Args:   oneArgument,
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] != "get" {
				return nil
			}
			c, err := g.connect()
			if err != nil {
				return err
			}
			asked := map[string]string{}
			for lines := bufio.NewScanner(cmd.InOrStdin()); lines.Scan(); {
				if key, value, ok := strings.Cut(lines.Text(), "="); ok {
					asked[key] = value
				}
			}
			// Nobody else gets the key.
			if asked["protocol"]+"://"+asked["host"] != c.info.API {
				return errors.New("Git asks for the key of " + asked["host"] + ", and Slipway is at " + c.info.API)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "username=%s\npassword=%s\n", c.key.ID, c.key.Secret)
			return err
		},
	}
}

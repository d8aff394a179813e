package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/slipway-run/slipway/internal/admin"
)

func newRegistry(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "registry", Short: "Manage the logins of image registries"}
	cmd.AddCommand(newRegistryLogin(g), newRegistryLogout(g), newRegistryList(g))
	return cmd
}

func newRegistryLogin(g *globals) *cobra.Command {
	var user string
	var stdin bool
	cmd := &cobra.Command{
		Use:   "login HOST",
		Short: "Give the user and password that images of a registry are pulled with",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			password, err := readPassword(cmd, args[0], stdin)
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodPut, "registries/"+url.PathEscape(args[0]), admin.Login{User: user, Password: password})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Slipway pulls from %s as %s.\n", args[0], user)
			return body.Close()
		},
	}
	cmd.Flags().StringVarP(&user, "username", "u", "", "the user name")
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from the standard input")
	_ = cmd.MarkFlagRequired("username")
	return cmd
}

// readPassword asks for the password without showing it, or reads it from the standard input.
func readPassword(cmd *cobra.Command, host string, stdin bool) (string, error) {
	if stdin {
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", errors.New("there is no terminal to ask for the password: give it with --password-stdin")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Password for %s: ", host)
	password, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	return string(password), err
}

func newRegistryLogout(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "logout HOST",
		Short: "Forget the login of a registry",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodDelete, "registries/"+url.PathEscape(args[0]), nil)
			if err != nil {
				return err
			}
			return body.Close()
		},
	}
}

func newRegistryList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the registries that have a login",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodGet, "registries", nil)
			if err != nil {
				return err
			}
			defer body.Close()
			var hosts []string
			if err := json.NewDecoder(body).Decode(&hosts); err != nil {
				return fmt.Errorf("read the registries: %w", err)
			}
			for _, host := range hosts {
				fmt.Fprintln(cmd.OutOrStdout(), host)
			}
			return nil
		},
	}
}

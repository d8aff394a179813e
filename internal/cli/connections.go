package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
)

func newConnections(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "connections", Short: "Connect services with the hosts of their source code"}
	cmd.AddCommand(newConnectionsList(g), newConnectionsCreate(g), newConnectionsAuthorize(g), newConnectionsRepositories(g), newConnectionsBranches(g), newConnectionsDelete(g))
	return cmd
}

// ask does a request of the admin API and reads the answer into out, unless that is nil.
func (g *globals) ask(ctx context.Context, method, path string, in, out any) error {
	c, err := g.connect()
	if err != nil {
		return err
	}
	body, err := c.admin(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func newConnectionsList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List connections, with the reason where one is in ERROR",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []admin.Connection
			if err := g.ask(cmd.Context(), http.MethodGet, "connections", nil, &all); err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "NAME\tPROVIDER\tSTATUS\tACCOUNT\tHOST\tREASON")
			for _, c := range all {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, c.Provider, c.Status, cmp.Or(c.Account, "-"), cmp.Or(c.BaseURL, "-"), c.Reason)
			}
			return table.Flush()
		},
	}
}

func newConnectionsCreate(g *globals) *cobra.Command {
	var in admin.NewConnection
	cmd := &cobra.Command{
		Use:   "create NAME --provider GITHUB|GITLAB|BITBUCKET|GITEA|GIT",
		Short: "Make a connection, which then waits for its handshake",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Provider = args[0], strings.ToUpper(in.Provider)
			var made admin.Connection
			if err := g.ask(cmd.Context(), http.MethodPost, "connections", in, &made); err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), made)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\nConnection %s is %s. Go on with: slipway connections authorize %s\n", made.ARN, made.Name, made.Status, made.Name)
			return nil
		},
	}
	cmd.Flags().StringVar(&in.Provider, "provider", "", "GITHUB, GITLAB, BITBUCKET, GITEA (also Forgejo), or GIT for any other server")
	cmd.Flags().StringVar(&in.BaseURL, "base-url", "", "where the provider is, such as https://git.example.com; by default the public one")
	_ = cmd.MarkFlagRequired("provider")
	return cmd
}

func newConnectionsAuthorize(g *globals) *cobra.Command {
	var in admin.Authorization
	var token, secret string
	var oauth, app, key, public bool
	cmd := &cobra.Command{
		Use:   "authorize NAME (--token - | --oauth | --app | --deploy-key | --public)",
		Short: "Do the handshake of a connection, also again when a credential has expired",
		Long: `Do the handshake of a connection, also again when a credential has expired.

  --token -      a token, read from the standard input or asked for
  --oauth        an OAuth application (GITLAB, BITBUCKET, GITEA), with --client-id and --client-secret -
  --app          a GitHub App, which is made for the connection (GITHUB)
  --deploy-key   an ssh key, which is made for the connection and shown (GIT)
  --public       no credential (GIT)

OAuth and Apps print an address to open in a browser. docs/connections.md lists the rights that a
token needs.`,
		Args: oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := method(&in, map[string]bool{
				admin.MethodToken: token != "", admin.MethodOAuth: oauth, admin.MethodApp: app, admin.MethodDeployKey: key, admin.MethodPublic: public,
			})
			if err == nil {
				in.Token, err = readSecret(cmd, "Token", token)
			}
			if err == nil && oauth {
				in.ClientSecret, err = readSecret(cmd, "Client secret", secret)
			}
			if err != nil {
				return err
			}
			var done admin.Authorized
			if err := g.ask(cmd.Context(), http.MethodPost, "connections/"+url.PathEscape(args[0])+"/authorize", in, &done); err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), done)
			}
			printAuthorized(cmd.OutOrStdout(), done)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&token, "token", "", "\"-\" to read a token from the standard input")
	flags.StringVar(&in.Username, "username", "", "whose the token is, where the host asks (GIT, and API tokens of Bitbucket)")
	flags.BoolVar(&oauth, "oauth", false, "use an OAuth application")
	flags.StringVar(&in.ClientID, "client-id", "", "of the OAuth application")
	flags.StringVar(&secret, "client-secret", "-", "\"-\" to read the secret of the OAuth application from the standard input")
	flags.BoolVar(&app, "app", false, "make a GitHub App")
	flags.StringVar(&in.Organization, "organization", "", "of GitHub, that the App is to belong to; by default you")
	flags.BoolVar(&key, "deploy-key", false, "make an ssh key")
	flags.BoolVar(&public, "public", false, "use no credential")
	flags.StringVar(&in.BaseURL, "base-url", "", "where the provider is, instead of what the connection was made with")
	flags.StringVar(&in.Repository, "repository", "", "the URL of a repository to try the credential with (GIT)")
	return cmd
}

// method sets the one way that was chosen.
func method(in *admin.Authorization, chosen map[string]bool) error {
	for name, yes := range chosen {
		if yes && in.Method != "" {
			return errors.New("choose one of --token, --oauth, --app, --deploy-key and --public")
		}
		if yes {
			in.Method = name
		}
	}
	if in.Method == "" {
		return errors.New("choose how: --token -, --oauth, --app, --deploy-key or --public")
	}
	return nil
}

// readSecret reads a secret from the standard input. On a command line it would be seen by everybody on
// the machine.
func readSecret(cmd *cobra.Command, what, given string) (string, error) {
	switch given {
	case "":
		return "", nil
	case "-":
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the %s: %w", strings.ToLower(what), err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	default:
		return "", fmt.Errorf("a %s on the command line is seen by everybody on this machine: give \"-\" and send it to the standard input", strings.ToLower(what))
	}
}

func printAuthorized(out io.Writer, done admin.Authorized) {
	c := done.Connection
	if done.OpenURL != "" {
		fmt.Fprintf(out, "Open this address in a browser within an hour, and let Slipway in there:\n\n  %s\n\nThen \"slipway connections list\" shows the connection AVAILABLE.\n", done.OpenURL)
		return
	}
	fmt.Fprintf(out, "Connection %s is %s.\n", c.Name, c.Status)
	if c.Account != "" {
		fmt.Fprintf(out, "It reads as %s.\n", c.Account)
	}
	if c.PublicKey != "" {
		fmt.Fprintf(out, "Add this deploy key to the repository; reading is enough:\n\n  %s\n\n", c.PublicKey)
	}
	for _, key := range done.HostKeys {
		fmt.Fprintf(out, "The server's key, to be compared with what its owner says: %s\n", key)
	}
	if done.HookSecret != "" && c.HookURL != "" {
		fmt.Fprintf(out, "For deployments at once, make a webhook for pushes there, to %s\nwith the secret %s\n", c.HookURL, done.HookSecret)
	}
}

func newConnectionsRepositories(g *globals) *cobra.Command {
	var words string
	cmd := &cobra.Command{
		Use:   "repositories NAME",
		Short: "List the repositories that a connection reads",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := pages[admin.Repository](cmd.Context(), g, "connections/"+url.PathEscape(args[0])+"/repositories?words="+url.QueryEscape(words))
			if err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "NAME\tBRANCH\tURL")
			for _, r := range all {
				fmt.Fprintf(table, "%s\t%s\t%s\n", r.Name, r.Branch, r.URL)
			}
			return table.Flush()
		},
	}
	cmd.Flags().StringVar(&words, "search", "", "only those with this in their names")
	return cmd
}

func newConnectionsBranches(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "branches NAME REPOSITORY",
		Short: "List the branches of a repository, given as owner/name or as a URL",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return misused(cmd, fmt.Sprintf("want two arguments, got %d", len(args)))
			}
			all, err := pages[string](cmd.Context(), g, "connections/"+url.PathEscape(args[0])+"/branches?repository="+url.QueryEscape(args[1]))
			if err != nil {
				return err
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			for _, name := range all {
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			return nil
		},
	}
}

// mostPages ends a list that does not end by itself.
const mostPages = 100

// pages reads all pages of a list.
func pages[T any](ctx context.Context, g *globals, path string) ([]T, error) {
	all := []T{}
	next := ""
	for range mostPages {
		var page admin.Page[T]
		if err := g.ask(ctx, http.MethodGet, path+"&page="+url.QueryEscape(next), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if next = page.Next; next == "" {
			break
		}
	}
	return all, nil
}

func newConnectionsDelete(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a connection that no service uses",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := g.ask(cmd.Context(), http.MethodDelete, "connections/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Connection %s is deleted.\n", args[0])
			return nil
		},
	}
}

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/iam"
)

// everything is the policy of a key that is made without one: all but managing keys, and backups, which have
// them.
const everything = `{"Version":"2012-10-17","Statement":[` +
	`{"Sid":"Everything","Effect":"Allow","Action":"*","Resource":"*"},` +
	`{"Sid":"ButKeys","Effect":"Deny","Action":["slipway:CreateKey","slipway:DeleteKey","slipway:ListKeys","slipway:Backup"],"Resource":"*"}]}`

func newKeys(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Manage access keys"}
	cmd.AddCommand(newKeysCreate(g), newKeysList(g), newKeysDelete(g))
	return cmd
}

func newKeysCreate(g *globals) *cobra.Command {
	var name, file string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an access key, which may do what a policy allows",
		Long: `Make an access key and print it. The secret is shown this once.

The policy is an IAM policy document. Without one the key may do everything but manage keys
and make backups, which have them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, err := readPolicy(file)
			if err != nil {
				return err
			}
			c, err := g.connect()
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodPost, "keys", admin.NewKey{Name: name, Policy: policy})
			if err != nil {
				return err
			}
			defer body.Close()
			var key admin.Key
			if err := json.NewDecoder(body).Decode(&key); err != nil {
				return fmt.Errorf("read the access key: %w", err)
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), key)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Name:              %s\nAccess key ID:     %s\nSecret access key: %s\n", key.Name, key.ID, key.Secret)
			fmt.Fprintln(cmd.ErrOrStderr(), "Keep the secret now: it is not shown again.")
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the name that denials and the audit log show; by default the id")
	cmd.Flags().StringVar(&file, "policy", "", "the file of an IAM policy document")
	return cmd
}

// readPolicy reads a policy and checks it, so that what is wrong is said of the file.
func readPolicy(file string) (json.RawMessage, error) {
	if file == "" {
		return json.RawMessage(everything), nil
	}
	document, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	if _, err := iam.ParsePolicy(document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return document, nil
}

func newKeysList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List access keys; --output json shows their policies",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.connect()
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodGet, "keys", nil)
			if err != nil {
				return err
			}
			defer body.Close()
			var keys []admin.Key
			if err := json.NewDecoder(body).Decode(&keys); err != nil {
				return fmt.Errorf("read the access keys: %w", err)
			}
			if g.output == "json" {
				return printJSON(cmd.OutOrStdout(), keys)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ID\tNAME\tCREATED")
			for _, k := range keys {
				fmt.Fprintf(table, "%s\t%s\t%s\n", k.ID, k.Name, k.CreatedAt.Local().Format(time.DateTime))
			}
			return table.Flush()
		},
	}
}

func newKeysDelete(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID",
		Short: "Delete an access key for good; it is refused from now on",
		Args:  oneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return errors.New("the id of the access key is empty")
			}
			c, err := g.connect()
			if err != nil {
				return err
			}
			body, err := c.admin(cmd.Context(), http.MethodDelete, "keys/"+url.PathEscape(args[0]), nil)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Access key %s is deleted.\n", args[0])
			return body.Close()
		},
	}
}

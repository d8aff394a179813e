package cli

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/internal/engine/containerd"
	"github.com/slipway-run/slipway/internal/router"
)

func newServe(g *globals) *cobra.Command {
	var file string
	flags := daemon.DefaultConfig()
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run Slipway",
		Long: `Run Slipway: its API, registry and console on one address, applications on another.

It ends at SIGINT or SIGTERM. Applications go on without it, and the next start finds them;
"slipway down" ends them too.

With --take-over it replaces the Slipway that runs in the data directory without a request dropped:
it gets the listening sockets, the old process goes on until the new one serves, and ends with its
last client. "slipway restart" does that in the background.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := g.config(cmd, flags, file)
			if err != nil {
				return err
			}
			config.TakeOver = flags.TakeOver
			var level slog.Level
			if err := level.UnmarshalText([]byte(config.LogLevel)); err != nil {
				return fmt.Errorf("log-level %q is not debug, info, warn or error", config.LogLevel)
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			if err := preflight(cmd, config); err != nil {
				return err
			}
			runtime.GOMAXPROCS(router.Processors())
			d, err := daemon.Open(cmd.Context(), config, log)
			if err != nil {
				return err
			}
			err = d.Run(cmd.Context())
			if closeErr := d.Close(); err == nil {
				err = closeErr
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "the configuration file; by default "+daemon.ConfigFile+" in the data directory, if there")
	f.StringVar(&flags.APIListen, "api-listen", flags.APIListen, "the address of the API, the registry and the console")
	f.StringVar(&flags.HTTPListen, "http-listen", flags.HTTPListen, "the address of applications")
	f.StringVar(&flags.HTTPSListen, "https-listen", flags.HTTPSListen, "the address of applications over TLS, such as :443; nothing listens without")
	f.StringVar(&flags.Domain, "domain", flags.Domain, "the domain of service URLs")
	f.StringVar(&flags.Account, "account", flags.Account, "the account id in ARNs and ECR names")
	f.StringVar(&flags.EngineDir, "engine-dir", flags.EngineDir, "the directory of containerd, its shim, runc, slipway-log and slipway-runc")
	f.StringVar(&flags.LogLevel, "log-level", flags.LogLevel, "debug, info, warn or error")
	f.BoolVar(&flags.TakeOver, "take-over", false, "replace the Slipway that runs in the data directory, if one does")
	return cmd
}

// config puts defaults, the configuration file and flags together, later ones over earlier ones.
func (g *globals) config(cmd *cobra.Command, flags daemon.Config, file string) (daemon.Config, error) {
	config := daemon.DefaultConfig()
	dir, err := g.dir()
	if err != nil {
		return config, err
	}
	asked := file != ""
	if !asked {
		file = filepath.Join(dir, daemon.ConfigFile)
	}
	if err := config.Load(file, asked); err != nil {
		return config, err
	}
	config.DataDir, config.Version = dir, Version
	if g.region != "" {
		config.Region = g.region
	}
	for name, setting := range map[string]struct{ to, from *string }{
		"api-listen": {&config.APIListen, &flags.APIListen}, "http-listen": {&config.HTTPListen, &flags.HTTPListen},
		"https-listen": {&config.HTTPSListen, &flags.HTTPSListen},
		"domain":       {&config.Domain, &flags.Domain}, "account": {&config.Account, &flags.Account},
		"engine-dir": {&config.EngineDir, &flags.EngineDir}, "log-level": {&config.LogLevel, &flags.LogLevel},
	} {
		if cmd.Flags().Changed(name) {
			*setting.to = *setting.from
		}
	}
	return config, nil
}

// preflight refuses to start where something needed is missing, and tells how to get it.
func preflight(cmd *cobra.Command, config daemon.Config) error {
	missing := false
	for _, p := range containerd.Preflight(containerd.Options{DataDir: config.DataDir, BinDir: config.EngineDir}) {
		word := "Advice"
		if p.Fatal {
			word, missing = "Missing", true
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n  To do: %s\n", word, p.What, p.Fix)
	}
	if missing {
		fmt.Fprintln(cmd.ErrOrStderr(), `Slipway cannot start here. "slipway doctor" checks again.`)
		return quietError{1}
	}
	return nil
}

package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	cloudwatchapi "github.com/slipway-run/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-run/slipway/internal/awsapi/handlers"
	logsapi "github.com/slipway-run/slipway/internal/awsapi/logs"
	"github.com/slipway-run/slipway/internal/metrics/cloudwatch"
)

// LogsConfig is how long and how much of logs is kept, and where they go beside the data directory.
type LogsConfig struct {
	// Retention is how long log groups are kept for which PutRetentionPolicy set nothing else.
	Retention time.Duration `yaml:"retention"`
	// MaxSize is how much output of instances is kept of each service. Those that run have at most 30 MiB
	// each, and theirs in any case.
	MaxSize Size         `yaml:"max-size"`
	Ship    []ShipConfig `yaml:"ship"`
}

func (c LogsConfig) validate() (errs []error) {
	if c.Retention < 24*time.Hour {
		errs = append(errs, fmt.Errorf("logs.retention is %v: it must be at least 24h", c.Retention))
	}
	if c.MaxSize < 1<<20 {
		errs = append(errs, fmt.Errorf("logs.max-size is %d bytes: it must be at least 1MiB", c.MaxSize))
	}
	return append(errs, c.wrongTargets()...)
}

func (d *Daemon) logsAPI() awsapi.API {
	return logsapi.API(&handlers.Logs{Archive: d.logs, Groups: d.logGroups, Account: d.config.Account, TokenKey: []byte(d.key.Secret)})
}

func (d *Daemon) metricsAPI() awsapi.API {
	return cloudwatchapi.API(&handlers.Metrics{Source: d.metrics, Services: d.measured, Account: d.config.Account, TokenKey: []byte(d.key.Secret)})
}

// measured are the services of a Region whose metrics are kept.
func (d *Daemon) measured(ctx context.Context, here apprunner.Place) (all []cloudwatch.Service, err error) {
	services, err := d.store.Services(ctx, "")
	for _, s := range services {
		if s.Region == here.Region {
			all = append(all, cloudwatch.Service{Name: s.Name, ID: s.ID})
		}
	}
	return all, err
}

// logGroups are the log groups of a Region. Those of a deleted service stay as long as it is described.
func (d *Daemon) logGroups(ctx context.Context, here apprunner.Place) ([]handlers.LogGroup, error) {
	services, err := d.store.Services(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []handlers.LogGroup
	for _, s := range services {
		if s.Region != here.Region {
			continue
		}
		for _, name := range []string{logged(s).ServiceGroup(), logged(s).ApplicationGroup()} {
			all = append(all, handlers.LogGroup{Name: name, Created: s.CreatedAt})
		}
	}
	return all, nil
}

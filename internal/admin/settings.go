package admin

import (
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Setting is a setting as the configuration file names it.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Quota is how much there may be of something in a Region, and how much there is.
type Quota struct {
	Name  string `json:"name"`
	Used  int    `json:"used"`
	Limit int    `json:"limit"`
}

// Problem is something that the machine lacks.
type Problem struct {
	What  string `json:"what"`
	Fix   string `json:"fix"`
	Fatal bool   `json:"fatal"`
}

// Settings is a Slipway as it was started, and what is wrong with its machine.
type Settings struct {
	Version  string    `json:"version"`
	DataDir  string    `json:"dataDir"`
	Settings []Setting `json:"settings"` // without secrets
	Quotas   []Quota   `json:"quotas"`
	Problems []Problem `json:"problems"` // what "slipway doctor" says
}

// Health knows how this Slipway was started and how it is.
type Health interface {
	Settings(ctx context.Context, here apprunner.Place) (Settings, error)
}

func (a *API) settings(c call) error {
	if err := a.may(c, "GetSettings", "*"); err != nil {
		return err
	}
	found, err := a.Health.Settings(c.r.Context(), c.here)
	if err != nil {
		return err
	}
	found.Problems = append([]Problem{}, found.Problems...)
	return answer(c.w, found)
}

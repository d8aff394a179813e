package assemble

import (
	"maps"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build"
	"github.com/slipway-run/slipway/internal/operation"
)

// image says how the instances of a revision are run.
func (a *Assembler) image(s apprunner.Service, run build.Run, built Built, log operation.BuildLog) apprunner.Image {
	image := apprunner.Image{
		Identifier: built.Identifier, Type: apprunner.ECR, Port: run.Port, Command: run.Command,
		Variables: map[string]string{}, Secrets: maps.Clone(s.Spec.ConfiguredSecrets()),
	}
	if run.PortVariable != "" {
		image.PortVariables = []string{run.PortVariable}
	}
	for _, v := range run.Env {
		image.Variables[v.Name] = v.Value
	}
	for _, secret := range run.Secrets {
		if image.Secrets == nil {
			image.Secrets = map[string]string{}
		}
		image.Secrets[secret.Name] = secret.From
	}
	// Nobody has named a port, and a Dockerfile that exposes one alone has: the default would fail.
	if s.Spec.Code.Values == nil && run.Port == apprunner.DefaultPort && len(built.Ports) == 1 && !slices.Contains(built.Ports, run.Port) {
		image.Port = built.Ports[0]
		log.Step("The image exposes port %d alone, so the application is expected there. To change it, give a port.", image.Port)
	}
	return image
}

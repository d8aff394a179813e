package control

import (
	"context"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// NewService is what a caller of CreateService asks for.
type NewService struct {
	Name   string
	Change apprunner.Change
	KMSKey string
	Tags   map[string]string
}

// CreateService makes a service and begins its first deployment.
func (c *Control) CreateService(ctx context.Context, here apprunner.Place, req NewService) (apprunner.Service, apprunner.Operation, error) {
	var service apprunner.Service
	var operation apprunner.Operation
	if err := checkTags(req.Tags); err != nil {
		return service, operation, err
	}
	if err := apprunner.CheckOptions(req.Tags); err != nil {
		return service, operation, err
	}
	if err := c.checkRoles(ctx, here, req.Change, apprunner.DefaultSpec()); err != nil {
		return service, operation, err
	}
	decide := func(existing []apprunner.Service, scalings apprunner.Scalings, resources apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		var err error
		service, operation, err = c.newService(here, req, existing, scalings, resources)
		return service, operation, err
	}
	if err := c.Store.CreateService(ctx, here, decide, req.Tags); err != nil {
		return service, operation, err
	}
	c.Runner.Submit(operation)
	return service, operation, nil
}

// checkRoles checks those that a change of spec brings, outside of the transaction, since it may take a
// while. What is wrong with the rest is found out in there.
func (c *Control) checkRoles(ctx context.Context, here apprunner.Place, change apprunner.Change, spec apprunner.Spec) error {
	if c.CheckRoles == nil || (change.Source == nil && change.Instance == nil) {
		return nil
	}
	spec, err := change.Apply(spec)
	if err != nil {
		return nil
	}
	return c.CheckRoles(ctx, spec, here)
}

func (c *Control) newService(here apprunner.Place, req NewService, existing []apprunner.Service,
	scalings apprunner.Scalings, resources apprunner.Resources,
) (apprunner.Service, apprunner.Operation, error) {
	var none apprunner.Operation
	count := 0
	for _, s := range existing {
		if !s.Listed() {
			continue
		}
		if count++; s.Name == req.Name {
			return s, none, apprunner.Errorf(apprunner.InvalidRequest, "Service with the provided name already exists: %s.", req.Name)
		}
	}
	if count >= c.ServiceQuota {
		return apprunner.Service{}, none, apprunner.Errorf(apprunner.ServiceQuotaExceeded,
			"You have %d services in Region %s, the most allowed. Delete one first, or raise the quota in the configuration.", count, here.Region)
	}
	spec := apprunner.DefaultSpec()
	spec.ScalingARN = scalings.Default().ARN
	spec, err := c.apply(here, req.Change, spec, scalings, resources)
	if err != nil {
		return apprunner.Service{}, none, err
	}
	now := c.Now()
	id := apprunner.NewID()
	arn := apprunner.ARN{Place: here, Type: apprunner.TypeService, Name: req.Name, ID: id}
	s := apprunner.Service{
		ID: id, Name: req.Name, ARN: arn.String(), Region: here.Region, Subdomain: apprunner.NewSubdomain(),
		Status: apprunner.ServiceInProgress, Spec: spec, KMSKey: req.KMSKey, CreatedAt: now, UpdatedAt: now,
	}
	return s, apprunner.FirstOperation(s, apprunner.NewID(), now), nil
}

// apply changes a spec and checks what the domain cannot check alone.
func (c *Control) apply(here apprunner.Place, change apprunner.Change, spec apprunner.Spec,
	scalings apprunner.Scalings, resources apprunner.Resources,
) (apprunner.Spec, error) {
	before := spec.Code
	spec, err := change.Apply(spec)
	if err != nil {
		return spec, err
	}
	if spec, err = resources.Configure(change, spec, here); err != nil {
		return spec, err
	}
	if change.Source != nil {
		if err := c.checkSource(before, spec, here); err != nil {
			return spec, err
		}
	}
	if change.Source != nil || change.Instance != nil {
		if err := c.checkSecrets(spec, here); err != nil {
			return spec, err
		}
	}
	if change.Scaling != nil {
		found, err := scalings.Configured(*change.Scaling, here)
		if err != nil {
			return spec, err
		}
		spec.ScalingARN = found.ARN
	}
	return spec, nil
}

func (c *Control) checkSecrets(spec apprunner.Spec, here apprunner.Place) error {
	if err := spec.CheckSecrets(here); err != nil || c.CheckSecret == nil {
		return err
	}
	for name, value := range spec.ConfiguredSecrets() {
		ref, err := apprunner.ParseSecretReference(name, value, here)
		if err == nil {
			err = c.CheckSecret(name, ref)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Control) checkSource(before *apprunner.CodeRepository, spec apprunner.Spec, here apprunner.Place) error {
	if spec.Code != nil {
		return c.CheckCode(before, spec, here)
	}
	return c.CheckImage(spec.Image, spec.AccessRole, here)
}

// UpdateService changes a service and deploys it. A service that never ran is built again, also
// when nothing is to be changed.
func (c *Control) UpdateService(ctx context.Context, here apprunner.Place, arn string, change apprunner.Change) (apprunner.Service, apprunner.Operation, error) {
	found, err := c.Service(ctx, here, arn)
	if err == nil {
		err = c.checkRoles(ctx, here, change, found.Spec)
	}
	if err != nil {
		return found, apprunner.Operation{}, err
	}
	return c.begin(ctx, here, arn, apprunner.UpdateService, "", func(s apprunner.Service, scalings apprunner.Scalings, resources apprunner.Resources) (apprunner.Spec, error) {
		if change.Empty() && s.Status != apprunner.ServiceCreateFailed {
			return s.Spec, apprunner.Errorf(apprunner.InvalidRequest, "No configurations provided in the UpdateService request.")
		}
		spec, err := c.apply(here, change, s.Spec, scalings, resources)
		if err == nil && s.Status == apprunner.ServiceCreateFailed && movesSettings(s.Spec, spec) {
			err = apprunner.Errorf(apprunner.InvalidRequest, "ConfigurationSource cannot be changed from REPOSITORY to API for CREATE_FAILED services.")
		}
		return spec, err
	})
}

// movesSettings reports whether an update takes the settings of source code out of the repository.
func movesSettings(before, after apprunner.Spec) bool {
	return before.Code != nil && after.Code != nil && before.Code.Source == apprunner.FromRepository && after.Code.Source == apprunner.FromAPI
}

// StartDeployment deploys what the source has now. Trigger tells who asked, for the deployment log.
func (c *Control) StartDeployment(ctx context.Context, here apprunner.Place, arn, trigger string) (apprunner.Service, apprunner.Operation, error) {
	return c.begin(ctx, here, arn, apprunner.StartDeployment, trigger, nil)
}

// DeployCommit deploys one commit of the source code of a service.
func (c *Control) DeployCommit(ctx context.Context, here apprunner.Place, arn, commit string) (apprunner.Service, apprunner.Operation, error) {
	return c.change(ctx, here, arn, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		s, o, err := apprunner.Begin(s, apprunner.StartDeployment, apprunner.NewID(), c.Now())
		if err == nil && s.Spec.Code == nil {
			err = apprunner.Errorf(apprunner.InvalidRequest, "Service %s runs an image and has no commits.", s.Name)
		}
		o.Commit = commit
		return s, o, err
	})
}

// Cancel ends the operation of a service that deploys something, before traffic goes there. The service
// goes back to what it was.
func (c *Control) Cancel(ctx context.Context, here apprunner.Place, arn string) (apprunner.Operation, error) {
	all, err := c.Operations(ctx, here, arn)
	if err != nil {
		return apprunner.Operation{}, err
	}
	if len(all) == 0 || all[0].Status.Ended() {
		return apprunner.Operation{}, apprunner.Errorf(apprunner.InvalidRequest, "No operation of the service is in progress.")
	}
	o := all[0]
	if !o.Cancellable() || !c.Runner.Cancel(o.ID) {
		return o, apprunner.Errorf(apprunner.InvalidRequest, "Operation %s cannot be cancelled any more: it is at step %q. Wait until it ends.", o.ID, o.Step)
	}
	return o, nil
}

// Rollback brings back an older revision of a service: the one with a number, or with 0 the one that
// served before the present one.
func (c *Control) Rollback(ctx context.Context, here apprunner.Place, arn string, number int) (apprunner.Service, apprunner.Operation, error) {
	s, err := c.Service(ctx, here, arn)
	if err != nil {
		return s, apprunner.Operation{}, err
	}
	revisions, err := c.Store.Revisions(ctx, s.ID)
	if err != nil {
		return s, apprunner.Operation{}, err
	}
	r, err := apprunner.Older(s, revisions, number)
	if err != nil {
		return s, apprunner.Operation{}, err
	}
	return c.change(ctx, here, arn, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		return apprunner.BeginRollback(s, r, apprunner.NewID(), c.Now())
	})
}

// Revisions returns the revisions of a service that can be brought back, newest first.
func (c *Control) Revisions(ctx context.Context, here apprunner.Place, arn string) ([]apprunner.Revision, error) {
	s, err := c.Service(ctx, here, arn)
	if err != nil {
		return nil, err
	}
	return c.Store.Revisions(ctx, s.ID)
}

// PauseService ends all instances of a service and keeps its configuration.
func (c *Control) PauseService(ctx context.Context, here apprunner.Place, arn string) (apprunner.Service, apprunner.Operation, error) {
	return c.begin(ctx, here, arn, apprunner.PauseService, "", nil)
}

// ResumeService brings back the revision that served before the pause.
func (c *Control) ResumeService(ctx context.Context, here apprunner.Place, arn string) (apprunner.Service, apprunner.Operation, error) {
	return c.begin(ctx, here, arn, apprunner.ResumeService, "", nil)
}

// DeleteService ends a service for good, also one that cannot be read any more.
func (c *Control) DeleteService(ctx context.Context, here apprunner.Place, arn string) (apprunner.Service, apprunner.Operation, error) {
	resources, err := c.Store.Resources(ctx, here)
	if err == nil {
		err = unreached(resources, arn)
	}
	if a, malformed := apprunner.ServiceARN(arn, here); malformed == nil && err == nil {
		err = c.Store.Abandon(ctx, a)
	}
	if err != nil {
		return apprunner.Service{}, apprunner.Operation{}, err
	}
	return c.begin(ctx, here, arn, apprunner.DeleteService, "", nil)
}

// unreached refuses to delete a service that callers reach from a VPC.
func unreached(resources apprunner.Resources, arn string) error {
	if resources.IngressesOf(arn) > 0 {
		return apprunner.Errorf(apprunner.InvalidRequest, "Service %s has an active VPC ingress connection. Delete that first.", arn)
	}
	return nil
}

// begin starts an operation on a service, after change, in one transaction.
func (c *Control) begin(ctx context.Context, here apprunner.Place, arn string, t apprunner.OperationType, trigger string,
	change func(apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Spec, error),
) (apprunner.Service, apprunner.Operation, error) {
	return c.change(ctx, here, arn, func(s apprunner.Service, scalings apprunner.Scalings, resources apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		if t == apprunner.DeleteService {
			if err := unreached(resources, s.ARN); err != nil {
				return s, apprunner.Operation{}, err
			}
		}
		service, operation, err := apprunner.Begin(s, t, apprunner.NewID(), c.Now())
		if err != nil || operation.ID == "" {
			return service, operation, err
		}
		operation.Trigger = trigger
		if change != nil {
			service.Spec, err = change(s, scalings, resources)
		}
		return service, operation, err
	})
}

// change decides on the next state of a service in one transaction, and has the operation run that
// brings it about, if there is one.
func (c *Control) change(ctx context.Context, here apprunner.Place, arn string, decide ChangeDecision) (service apprunner.Service, operation apprunner.Operation, err error) {
	found, err := c.Service(ctx, here, arn)
	if err != nil {
		return found, operation, err
	}
	err = c.Store.ChangeService(ctx, here, found.ID, func(s apprunner.Service, scalings apprunner.Scalings, resources apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		service, operation, err = decide(s, scalings, resources)
		return service, operation, err
	})
	if err == nil && operation.ID != "" {
		c.Runner.Submit(operation)
	}
	return service, operation, err
}

func checkTags(tags map[string]string) error {
	for key := range tags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return apprunner.Errorf(apprunner.InvalidRequest, "Tag key %q may not begin with aws:, which is reserved.", key)
		}
	}
	return nil
}

package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

const (
	// firstCheck is also how long a domain is pending at least: clients such as Terraform wait to see
	// it so.
	firstCheck = time.Second
	lastCheck  = time.Minute
	// giveUp is how long its owner has to make the DNS records.
	giveUp = 72 * time.Hour
	// firstIssue and lastIssue are the pauses between attempts to get a certificate. Authorities
	// count attempts that fail: Let's Encrypt allows five an hour.
	firstIssue = time.Minute
	lastIssue  = time.Hour
	// giveUpDeletion is how long a domain is tried to be taken away.
	giveUpDeletion = 2 * time.Minute
)

// job is what is remembered between the steps of one domain. Nothing of it outlives the daemon.
type job struct {
	*Worker
	pause  time.Duration // before the next attempt
	due    time.Time     // of the next attempt; news may come earlier
	status apprunner.DomainStatus
}

// step does what the status of a domain asks for, and returns how long to wait for the next.
func (j *job) step(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain) (time.Duration, error) {
	if !s.Listed() { // nobody is left to ask for its deletion
		return 0, j.remove(ctx, d, func() {})
	}
	if d.Status != j.status {
		j.status, j.pause, j.due = d.Status, 0, time.Time{}
	}
	if left := time.Until(j.due); left > 0 {
		return left, nil
	}
	switch d.Status {
	case apprunner.DomainCreating:
		return j.prepare(ctx, s, d)
	case apprunner.DomainPending:
		return j.prove(ctx, s, d)
	case apprunner.DomainBinding:
		return j.bind(ctx, s, d)
	case apprunner.DomainActive:
		return j.secure(ctx, s, d)
	case apprunner.DomainDeleting:
		return j.delete(ctx, s, d)
	default:
		return forever, nil
	}
}

// later sets a growing pause before the next attempt.
func (j *job) later(first, last time.Duration) time.Duration {
	if j.pause == 0 {
		j.pause = first
	} else {
		j.pause = min(2*j.pause, last)
	}
	j.due = time.Now().Add(j.pause)
	return j.pause
}

// prepare makes the validation records.
func (j *job) prepare(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain) (time.Duration, error) {
	j.Journal.Event(s, fmt.Sprintf("Custom domain %s is waiting for its DNS records. Make those that DescribeCustomDomains lists, or let it lead to %s.", d.Name, strings.Join(j.Targets(s), " or ")))
	return 0, j.change(ctx, d.Name, func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		return d.Prepare(j.Domain, time.Now())
	})
}

// prove asks the DNS for what is not proved yet.
func (j *job) prove(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain) (time.Duration, error) {
	if wait := firstCheck - time.Since(d.Since); j.pause == 0 && wait > 0 {
		j.due = time.Now().Add(wait)
		return wait, nil
	}
	var proved []string
	missing := ""
	for _, r := range d.Records {
		if r.Valid {
			continue
		}
		ok, why := j.prover.proved(ctx, r, j.Targets(s))
		if ok {
			proved = append(proved, r.Host)
		} else {
			missing = why
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, nil // interrupted: the store knows more
	}
	if missing != "" && time.Since(d.CreatedAt) > giveUp {
		return forever, j.fail(ctx, s, d, fmt.Sprintf("its DNS records were not found within %v: %s", giveUp, missing))
	}
	if missing == "" {
		j.Journal.Event(s, fmt.Sprintf("Custom domain %s is validated.", d.Name))
	}
	if len(proved) > 0 || d.Reason != missing {
		err := j.change(ctx, d.Name, func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
			d.Reason = missing
			return d.Prove(proved, time.Now())
		})
		if err != nil {
			return 0, err
		}
	}
	if missing == "" {
		return 0, j.Publish(ctx)
	}
	return j.later(firstCheck, lastCheck), nil
}

// bind gets the certificates and takes the domain into use.
func (j *job) bind(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain) (time.Duration, error) {
	if err := j.Publish(ctx); err != nil { // validation by HTTP or TLS needs it known
		return 0, err
	}
	if err := j.obtain(ctx, s, d); err != nil {
		if ctx.Err() != nil {
			return 0, nil
		}
		if time.Since(d.CreatedAt) > giveUp {
			return forever, j.fail(ctx, s, d, fmt.Sprintf("it got no certificate within %v: %v", giveUp, err))
		}
		return j.postpone(ctx, s, d, err)
	}
	j.Journal.Event(s, fmt.Sprintf("Custom domain %s is active.", d.Name))
	err := j.change(ctx, d.Name, func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		d.Secured = j.secures(s)
		return d.To(apprunner.DomainActive, time.Now())
	})
	if err != nil {
		return 0, err
	}
	return 0, j.Publish(ctx)
}

// secure has the certificates of a domain in use and renewed. One that became active without HTTPS
// gets them now.
func (j *job) secure(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain) (time.Duration, error) {
	secured := j.secures(s)
	if err := j.obtain(ctx, s, d); err != nil {
		if ctx.Err() != nil {
			return 0, nil
		}
		return j.postpone(ctx, s, d, err)
	}
	if d.Secured != secured {
		err := j.change(ctx, d.Name, func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
			if d.Status != apprunner.DomainActive {
				return d, apprunner.Errorf(apprunner.InvalidState, "Custom domain %s is %s.", d.Name, d.Status)
			}
			d.Secured, d.Reason = secured, ""
			return d, nil
		})
		if err != nil {
			return 0, err
		}
		return forever, j.Publish(ctx)
	}
	return forever, nil
}

// secures reports whether the domains of a service get certificates: not those of a private one, since
// the private listener has no TLS, and no authority reaches it.
func (j *job) secures(s apprunner.Service) bool {
	return j.Certificates != nil && !s.Spec.Network.Private
}

func (j *job) obtain(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain) error {
	if !j.secures(s) {
		if d.Secured { // it became private
			return j.release(d)
		}
		return nil
	}
	for _, name := range d.Names() {
		if err := j.Certificates.Obtain(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// postpone notes why a domain has no certificate yet. The owner is told of each reason once.
func (j *job) postpone(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain, why error) (time.Duration, error) {
	wait := j.later(firstIssue, lastIssue)
	j.Log.Warn("a custom domain has no certificate yet", "domain", d.Name, "error", why, "again", wait)
	if d.Reason == why.Error() {
		return wait, nil
	}
	j.Journal.Event(s, fmt.Sprintf("Custom domain %s is waiting for its certificate: %v", d.Name, why))
	return wait, j.change(ctx, d.Name, func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		d.Reason = why.Error()
		return d, nil
	})
}

// fail ends the attempt to bring a domain into use, and takes its routes away.
func (j *job) fail(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain, reason string) error {
	j.Journal.Event(s, fmt.Sprintf("Custom domain %s could not be brought into use: %s. Disassociate it and associate it again.", d.Name, reason))
	err := j.change(ctx, d.Name, func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		return d.Fail(reason, time.Now())
	})
	if err != nil {
		return err
	}
	return j.Publish(ctx)
}

// delete takes a domain away from its service.
func (j *job) delete(ctx context.Context, s apprunner.Service, d apprunner.CustomDomain) (time.Duration, error) {
	err := j.remove(ctx, d, func() { j.Journal.Event(s, fmt.Sprintf("Custom domain %s is disassociated.", d.Name)) })
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 0, nil
	case time.Since(d.Since) < giveUpDeletion:
		return 0, err
	}
	j.Journal.Event(s, fmt.Sprintf("Custom domain %s could not be disassociated: %v. Disassociate it again.", d.Name, err))
	return forever, j.change(ctx, d.Name, func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		d, e := d.To(apprunner.DomainDeleteFailed, time.Now())
		d.Reason = err.Error()
		return d, e
	})
}

// remove takes away everything of a domain, the domain last, after telling so. It can be done twice.
func (j *job) remove(ctx context.Context, d apprunner.CustomDomain, tell func()) error {
	if err := j.Publish(ctx); err != nil {
		return err
	}
	if err := j.release(d); err != nil {
		return err
	}
	tell()
	if err := j.Store.RemoveDomain(ctx, d.Name); err != nil {
		return err
	}
	return j.Publish(ctx)
}

// release ends the use of the certificates of a domain.
func (j *job) release(d apprunner.CustomDomain) error {
	if j.Certificates == nil {
		return nil
	}
	var errs []error
	for _, name := range d.Names() {
		errs = append(errs, j.Certificates.Release(name))
	}
	return errors.Join(errs...)
}

func (j *job) change(ctx context.Context, name string, decide func(apprunner.CustomDomain) (apprunner.CustomDomain, error)) error {
	return j.Store.ChangeDomain(ctx, name, func(_ apprunner.Service, d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		return decide(d)
	})
}

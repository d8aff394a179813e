package apprunner

// revised is one revision of what has revisions under a name: an auto scaling or an observability
// configuration.
type revised interface {
	identity() identity
	number() int // 1, 2, 3, …
}

func active[R revised](r R) bool { return r.identity().DeletedAt.IsZero() }

// findRevision looks up an ARN: complete, ending after the revision, or ending after the name, which
// stands for the latest active revision. What is the kind in words.
func findRevision[R revised](all []R, arn, kind, what string, here Place) (found R, err error) {
	a, err := typed(arn, kind, here)
	if err != nil {
		return found, err
	}
	for _, r := range all {
		i := r.identity()
		if i.Name != a.Name || (a.ID != "" && i.ARN != arn) || (a.Revision > 0 && r.number() != a.Revision) {
			continue
		}
		if a.Revision > 0 || (active(r) && r.number() > found.number()) {
			found = r
		}
	}
	if found.identity().ARN == "" {
		return found, Errorf(ResourceNotFound, "There is no %s with ARN %s.", what, arn)
	}
	return found, nil
}

// latest reports whether r is the newest active revision of its name.
func latest[R revised](all []R, r R) bool {
	for _, o := range all {
		if active(o) && o.identity().Name == r.identity().Name && o.number() > r.number() {
			return false
		}
	}
	return active(r)
}

// nextRevision returns the number of the next revision of a name. There may be so many names in a
// Region, the one that is always there not counted, and so many active revisions of each.
func nextRevision[R revised](all []R, name, what string, names, perName int, always string) (int, error) {
	last, living, taken := 0, 0, map[string]bool{name: true}
	for _, r := range all {
		n := r.identity().Name
		if n == name {
			last = max(last, r.number())
		}
		if !active(r) || n == always {
			continue
		}
		if taken[n] = true; n == name {
			living++
		}
	}
	if living >= perName {
		return 0, Errorf(ServiceQuotaExceeded, "The %s %q has %d active revisions, the most allowed. Delete one first.", what, name, living)
	}
	if len(taken) > names {
		return 0, Errorf(ServiceQuotaExceeded, "There are %d %s names in this Region, the most allowed. Delete one first, or raise the quota in the configuration.", names, what)
	}
	return last + 1, nil
}

// Package simulate has no code: its tests replay load against the decisions of autoscale and against
// a policy as Knative documents its own, and write what comes of it into docs/scaling.md.
package simulate

// Package source is where an application comes from. For now that is an image registry: the
// embedded one, or any other.
package source

// Slipway-runc stands in for runc where an instance has secrets.
//
// Containerd keeps the description of a container in its database and in a file, and has no place for
// what must be in neither. So the description that containerd has is without secrets, and Slipway lends
// the whole one through a pipe in the instance's directory while the container is made. This program
// has runc read that one, and becomes runc.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

func main() {
	err := run(os.Args)
	fmt.Fprintln(os.Stderr, "slipway-runc:", err) // it does not return when all is well
	os.Exit(1)
}

func run(args []string) error {
	runc := filepath.Join(filepath.Dir(args[0]), "runc") // beside the path that the shim was told
	args, err := lent(slices.Clone(args))
	if err != nil {
		return err
	}
	return fmt.Errorf("become %s: %w", runc, syscall.Exec(runc, args, os.Environ()))
}

// lent has "create" use what was lent for the instance, which is the last argument.
//
// The state of runc is in runc/NAMESPACE, the directory of the instance in instances/ID beside it.
func lent(args []string) ([]string, error) {
	create, root, bundle := slices.Index(args, "create"), slices.Index(args, "--root"), slices.Index(args, "--bundle")
	if create < 0 || root < 0 || bundle < create || bundle+1 >= len(args) {
		return args, nil
	}
	engine := filepath.Dir(filepath.Dir(args[root+1]))
	dir := filepath.Join(engine, "instances", args[len(args)-1], "lent")
	// Opening fails when nobody is at the other end, instead of waiting for a Slipway that was killed.
	pipe, err := syscall.Open(filepath.Join(dir, "config.json"), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("the secrets of instance %s are not there any more: %w", args[len(args)-1], err)
	}
	_ = syscall.Close(pipe)
	args[bundle+1] = dir
	return args, nil
}

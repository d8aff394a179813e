// Package runtimes carries the recipes that images of managed runtimes are made from without a
// registry, and the files that go into all of them.
package runtimes

import "embed"

// Recipes has one file for each runtime, and common.yaml. internal/build/bake reads them.
//
//go:embed *.yaml
var Recipes embed.FS

// Yum stands for yum and dnf in the images.
//
//go:embed yum.sh
var Yum []byte

// Package bake makes the images of managed runtimes without a registry: from Debian's packages, and
// from the registries of languages where Debian is too old.
//
// A recipe becomes layers. At the bottom of all is a small Debian, made by mmdebstrap; on it lie the
// compilers, then the packages of the language, then files from archives. A layer is made once for all
// images that have it. To make a layer of packages, the layers below it are mounted as an overlay and
// apt installs into that from outside: it is the host's apt that speaks to the mirror, so the host's
// proxies, certificates and resolver are used, and none of them gets into an image.
//
// Everything happens in a mount and process namespace that ends with its first process. A bake that is
// killed leaves no mount and no process. A layer appears in the directory complete or not at all, so
// the next bake goes on where that one was.
//
// The same packages make the same layers, byte for byte: files are sorted, what a package brings keeps
// its time, and what was made here gets one fixed time.
package bake

// Package web has the pages of the console, as "make build" makes them of the sources beside this file.
package web

import "io/fs"

// Files are the built pages. There are none in a Slipway that was built without them.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist/app")
	if err != nil {
		panic(err) // the path is not well-formed: ours
	}
	return files
}

//go:build noconsole

package web

import "embed"

var dist embed.FS

package git

import "time"

// SetFirstPause makes tests short.
func SetFirstPause(d time.Duration) { firstPause = d }

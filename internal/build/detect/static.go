package detect

import "path"

// static serves pages as they are.
func static(f folder) (Guess, bool) {
	for _, dir := range []string{".", "public", "dist", "build", "site", "_site", "www"} {
		if !f.has(path.Join(dir, "index.html")) {
			continue
		}
		g := Guess{Start: "python3 -m http.server 8080 --bind 0.0.0.0 --directory " + dir, Port: 8080}
		g.say("%s makes it a static site, which Python's web server serves.", path.Join(dir, "index.html"))
		f.choose(&g, "python", "", "")
		return g, true
	}
	return Guess{}, false
}

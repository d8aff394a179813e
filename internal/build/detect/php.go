package detect

import "encoding/json"

// composerJSON is what a guess needs of composer.json.
type composerJSON struct {
	Require    map[string]string `json:"require"`
	RequireDev map[string]string `json:"require-dev"`
}

// composer is a project of PHP that says so.
func composer(f folder) (Guess, bool) {
	if !f.has("composer.json") {
		return Guess{}, false
	}
	return php(f)
}

func php(f folder) (Guess, bool) {
	file := f.first("composer.json", "public/index.php", "index.php")
	if file == "" {
		return Guess{}, false
	}
	g := Guess{Why: []string{file + " makes it a project of PHP."}}
	var c composerJSON
	_ = json.Unmarshal([]byte(f.read("composer.json")), &c) // what cannot be read, Composer will tell of
	f.choose(&g, "php", c.Require["php"], "composer.json")
	delete(c.Require, "php")
	if len(c.Require) > 0 {
		g.Build = []string{"composer install --no-dev --no-interaction --optimize-autoloader"}
		g.say("composer.json has packages: %s", g.Build[0])
	}
	switch {
	case f.has("artisan"):
		g.Start = "php artisan serve --host 0.0.0.0 --port 8080"
		g.say("artisan makes it Laravel: %s", g.Start)
	case f.has("public/index.php"):
		g.Start = "php -S 0.0.0.0:8080 -t public"
		g.say("public/index.php is there: %s", g.Start)
	case f.has("index.php"):
		g.Start = "php -S 0.0.0.0:8080"
		g.say("index.php is there: %s", g.Start)
	default:
		return g, f.procfile() != ""
	}
	return g, true
}

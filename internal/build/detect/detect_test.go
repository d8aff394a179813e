package detect

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/build/runtimes"
)

// tree makes a file system of "name: text" pairs.
func tree(files ...string) fstest.MapFS {
	t := fstest.MapFS{}
	for i := 0; i+1 < len(files); i += 2 {
		t[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return t
}

func TestDetect(t *testing.T) {
	t.Parallel()
	const flask = "from flask import Flask\napp = Flask(__name__)\n"
	for name, c := range map[string]struct {
		files  []string
		build  []string
		preRun []string
		want   string // runtime, start command and port
		why    string // a part of the reasons
	}{
		"npm with a lock": {[]string{"package.json", `{"scripts":{"start":"node server.js","build":"tsc"}}`, "package-lock.json", "{}"},
			[]string{"npm ci", "npm run build"}, nil, "nodejs22 | npm start | 8080", "package.json has a start script: npm start"},
		"npm without a lock": {[]string{"package.json", `{"main":"./main.js"}`, "main.js", ""}, []string{"npm install"}, nil, "nodejs22 | node main.js | 8080", "no lock file"},
		"yarn 1":             {[]string{"package.json", `{"scripts":{"start":"x"}}`, "yarn.lock", ""}, []string{"yarn install --frozen-lockfile"}, nil, "nodejs22 | npm start | 8080", "yarn.lock"},
		"yarn 4": {[]string{"package.json", `{"scripts":{"start":"x"}}`, "yarn.lock", "", ".yarnrc.yml", ""},
			[]string{"corepack enable && yarn install --immutable"}, nil, "nodejs22 | npm start | 8080", "current yarn"},
		"pnpm": {[]string{"package.json", `{"scripts":{"start":"x","build":"y"},"packageManager":"pnpm@9.1.0+sha512.abc"}`, "pnpm-lock.yaml", ""},
			[]string{"npx --yes pnpm@9.1.0 install --frozen-lockfile", "npx --yes pnpm@9.1.0 run build"}, nil, "nodejs22 | npm start | 8080", "pnpm"},
		"engines":               {[]string{"package.json", `{"scripts":{"start":"x"},"engines":{"node":">=23"}}`}, []string{"npm install"}, nil, "nodejs24 | npm start | 8080", "wants >=23, which nodejs24 is"},
		"engines of the usual":  {[]string{"package.json", `{"scripts":{"start":"x"},"engines":{"node":"^18.12 || >=20.1"}}`}, []string{"npm install"}, nil, "nodejs22 | npm start | 8080", "which nodejs22 is"},
		"engines of no runtime": {[]string{"package.json", `{"scripts":{"start":"x"},"engines":{"node":"0.10"}}`}, []string{"npm install"}, nil, "nodejs22 | npm start | 8080", "no runtime is known to be that"},
		"nvmrc":                 {[]string{"package.json", `{"scripts":{"start":"x"}}`, ".nvmrc", "v20.11.0\n"}, []string{"npm install"}, nil, "nodejs20 | npm start | 8080", ".nvmrc wants 20"},
		"a port in the script":  {[]string{"package.json", `{"scripts":{"start":"next start -p 3000"}}`}, []string{"npm install"}, nil, "nodejs22 | npm start | 3000", "port 3000"},
		"a port in the program": {[]string{"package.json", `{"scripts":{"start":"node app/main.js"}}`, "app/main.js", "app.listen(3001, () => {})"}, []string{"npm install"}, nil, "nodejs22 | npm start | 3001", "port 3001"},
		"PORT in the program":   {[]string{"package.json", `{}`, "index.js", "app.listen(process.env.PORT || 3000)"}, []string{"npm install"}, nil, "nodejs22 | node index.js | 8080", "port in PORT"},
		"vite": {[]string{"package.json", `{"scripts":{"build":"vite build"},"devDependencies":{"vite":"5"}}`},
			[]string{"npm install", "npm run build", "npm install --no-save serve"}, nil, "nodejs22 | node_modules/.bin/serve --single dist --listen 8080 | 8080", "pages to dist"},
		"package.json that is broken": {[]string{"package.json", `{`, "server.js", ""}, []string{"npm install"}, nil, "nodejs22 | node server.js | 8080", "not valid JSON"},

		"flask":            {[]string{"requirements.txt", "flask\n", "app.py", flask}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | flask --app app run --host 0.0.0.0 --port 8080 | 8080", "add gunicorn"},
		"flask, gunicorn":  {[]string{"requirements.txt", "Flask\ngunicorn==23\n", "server.py", flask}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | gunicorn server:app --bind 0.0.0.0:8080 | 8080", "gunicorn"},
		"a factory":        {[]string{"requirements.txt", "flask\ngunicorn\n", "app/__init__.py", "def create_app():\n  pass\n"}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | gunicorn app:create_app() --bind 0.0.0.0:8080 | 8080", "gunicorn"},
		"fastapi":          {[]string{"requirements.txt", "fastapi\nuvicorn\n", "main.py", "api: FastAPI = FastAPI()\n"}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | uvicorn main:api --host 0.0.0.0 --port 8080 | 8080", "ASGI"},
		"django":           {[]string{"requirements.txt", "django\ngunicorn\n", "manage.py", "", "shop/wsgi.py", ""}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | gunicorn shop.wsgi --bind 0.0.0.0:8080 | 8080", "Django"},
		"django alone":     {[]string{"requirements.txt", "django\n", "manage.py", ""}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | python3 manage.py runserver 0.0.0.0:8080 | 8080", "Django"},
		"streamlit":        {[]string{"requirements.txt", "streamlit\n", "app.py", ""}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | streamlit run app.py --server.address 0.0.0.0 --server.port 8080 | 8080", "streamlit"},
		"a script":         {[]string{"app.py", "print()"}, nil, nil, "python311 | python3 app.py | 8080", "usual name"},
		"pyproject":        {[]string{"pyproject.toml", "[project]\nname = \"x\"\nrequires-python = \">=3.13\"\ndependencies = [\"flask\"]\n", "app.py", flask}, nil, []string{"pip3 install ."}, "python314 | flask --app app run --host 0.0.0.0 --port 8080 | 8080", "wants >=3.13"},
		"python-version":   {[]string{"main.py", "", ".python-version", "3.12.4\n"}, nil, nil, "python312 | python3 main.py | 8080", ".python-version wants 3.12"},
		"poetry":           {[]string{"pyproject.toml", "[tool.poetry]\nname = \"x\"\n", "main.py", ""}, nil, []string{"pip3 install poetry", "poetry config virtualenvs.create false && poetry install --only main --no-root"}, "python311 | python3 main.py | 8080", "poetry"},
		"a procfile":       {[]string{"requirements.txt", "", "Procfile", "worker: x\nweb:  gunicorn shop:app -b :$PORT \n"}, nil, []string{"pip3 install -r requirements.txt"}, "python311 | gunicorn shop:app -b :$PORT | 8080", "Procfile has a web process"},
		"a procfile, port": {[]string{"app.py", flask, "Procfile", "web: flask run -p 5000"}, nil, nil, "python311 | flask run -p 5000 | 5000", "port 5000"},

		"go":            {[]string{"go.mod", "module example.com/x\n", "main.go", "package main\n"}, []string{"go build -o bin/server ."}, nil, "go1 | ./bin/server | 8080", "go.mod"},
		"go under cmd":  {[]string{"go.mod", "module example.com/x\n", "cmd/tool/main.go", "package main\n", "cmd/x/main.go", "// Command x\npackage main\n"}, []string{"go build -o bin/server ./cmd/x"}, nil, "go1 | ./bin/server | 8080", "./cmd/x is a program"},
		"maven":         {[]string{"pom.xml", `<project><artifactId>shop</artifactId><version>1.2</version><properties><maven.compiler.release>17</maven.compiler.release></properties></project>`}, []string{"mvn -B -DskipTests package"}, nil, "corretto17 | java -jar target/shop-1.2.jar | 8080", "written for Java 17"},
		"maven wrapper": {[]string{"pom.xml", `<project><parent><version>2</version></parent><artifactId>shop</artifactId><properties><java.version>1.8</java.version></properties></project>`, "mvnw", "", "src/main/resources/application.properties", "server.port=9000\n"}, []string{"sh ./mvnw -B -DskipTests package"}, nil, "corretto8 | java -jar target/shop-2.jar | 9000", "wrapper"},
		"maven name":    {[]string{"pom.xml", `<project><artifactId>shop</artifactId><version>${revision}</version><build><finalName>${project.artifactId}</finalName></build></project>`}, []string{"mvn -B -DskipTests package"}, nil, "corretto11 | java -jar target/shop.jar | 8080", "Maven"},
		"gradle":        {[]string{"build.gradle.kts", "plugins { application }\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }", "settings.gradle.kts", `rootProject.name = "shop"`, "gradlew", ""}, []string{"sh ./gradlew installDist"}, nil, "corretto21 | build/install/shop/bin/shop | 8080", "Gradle wrapper"},
		"spring":        {[]string{"build.gradle", "plugins { id 'org.springframework.boot' version '3.2' }\nsourceCompatibility = '17'"}, []string{"gradle bootJar"}, nil, "corretto17 | sh -c 'exec java -jar build/libs/*.jar' | 8080", "Gradle"},
		"rails":         {[]string{"Gemfile", "ruby '3.4.1'\ngem 'rails'\n", "config/application.rb", "", "config.ru", "", "package.json", `{"scripts":{"start":"x"}}`}, []string{"bundle install", "SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile"}, nil, "ruby34 | bundle exec rails server --binding 0.0.0.0 --port 8080 | 8080", "It could be nodejs22 too"},
		"puma":          {[]string{"Gemfile", "gem 'puma'\n", "config.ru", ""}, []string{"bundle install"}, nil, "ruby34 | bundle exec puma --bind tcp://0.0.0.0:8080 | 8080", "Ruby"},
		"rack":          {[]string{"Gemfile", "gem 'rack'\n", "config.ru", "", ".ruby-version", "3.1.7"}, []string{"bundle install"}, nil, "ruby31 | bundle exec rackup --host 0.0.0.0 --port 8080 | 8080", ".ruby-version wants 3.1"},
		"sinatra":       {[]string{"Gemfile", "gem 'sinatra'\n", "app.rb", ""}, []string{"bundle install"}, nil, "ruby34 | bundle exec ruby app.rb -o 0.0.0.0 -p 8080 | 8080", "Ruby"},
		"laravel":       {[]string{"composer.json", `{"require":{"php":"^8.2","laravel/framework":"11"}}`, "artisan", "", "public/index.php", ""}, []string{"composer install --no-dev --no-interaction --optimize-autoloader"}, nil, "php84 | php artisan serve --host 0.0.0.0 --port 8080 | 8080", "Laravel"},
		"php":           {[]string{"index.php", ""}, nil, nil, "php84 | php -S 0.0.0.0:8080 | 8080", "index.php"},
		"php public":    {[]string{"composer.json", `{"require":{"php":"~8.1.0"}}`, "public/index.php", ""}, nil, nil, "php81 | php -S 0.0.0.0:8080 -t public | 8080", "wants ~8.1.0"},
		"dotnet":        {[]string{"Shop.csproj", `<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup></Project>`}, []string{"dotnet publish Shop.csproj -c Release -o out"}, nil, "dotnet8 | dotnet out/Shop.dll | 8080", "ASP.NET"},
		"dotnet below":  {[]string{"src/Shop/Shop.csproj", `<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><AssemblyName>Web</AssemblyName></PropertyGroup></Project>`}, []string{"dotnet publish src/Shop/Shop.csproj -c Release -o out"}, nil, "dotnet8 | dotnet out/Web.dll | 8080", "ASP.NET"},
		"static":        {[]string{"index.html", ""}, nil, nil, "python311 | python3 -m http.server 8080 --bind 0.0.0.0 --directory . | 8080", "static site"},
		"static below":  {[]string{"public/index.html", "", "README.md", ""}, nil, nil, "python311 | python3 -m http.server 8080 --bind 0.0.0.0 --directory public | 8080", "public/index.html"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := Detect(tree(c.files...), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Runtime + " | " + g.Start + " | " + strconv.Itoa(g.Port); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			if diff := cmp.Diff([2][]string{c.build, c.preRun}, [2][]string{g.Build, g.PreRun}); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if why := strings.Join(g.Why, "\n"); !strings.Contains(why, c.why) {
				t.Errorf("why %q, want %q", why, c.why)
			}
			if _, ok := runtimes.Find(g.Runtime); !ok {
				t.Errorf("there is no runtime %q", g.Runtime)
			}
		})
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{
		"empty": nil, "text": {"README.md", "x"}, "a library of Go": {"go.mod", "module x", "x.go", "package x"},
		"a library of Node.js": {"package.json", `{"scripts":{"test":"x"}}`}, "a directory of that name": {"package.json/x", ""},
	} {
		_, err := Detect(tree(files...), "", nil)
		if failure, ok := errors.AsType[*plan.Failure](err); !ok || !strings.Contains(failure.Reason, "--start") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A language that was asked for is the only one that is looked for, and only what a site has is chosen.
func TestChoices(t *testing.T) {
	t.Parallel()
	both := tree("requirements.txt", "", "app.py", "", "package.json", `{"scripts":{"start":"x"}}`)
	if g, err := Detect(both, "nodejs", nil); err != nil || g.Start != "npm start" || len(g.Why) != slices.IndexFunc(g.Why, func(s string) bool { return strings.Contains(s, "PORT") })+1 {
		t.Errorf("asked for Node.js: %+v, %v", g, err)
	}
	if _, err := Detect(both, "ruby", nil); err == nil || !strings.Contains(err.Error(), "language ruby") {
		t.Errorf("asked for Ruby: %v", err)
	}
	if g, err := Detect(tree("Procfile", "web: ruby x.rb", "x.rb", ""), "ruby", nil); err != nil || g.Start != "ruby x.rb" || g.Runtime != "ruby34" {
		t.Errorf("asked for Ruby, with a Procfile: %+v, %v", g, err)
	}
	only := func(name string) func(string) bool { return func(r string) bool { return r == name } }
	if g, _ := Detect(both, "python", only("python313")); g.Runtime != "python313" {
		t.Errorf("with python313 alone: %s", g.Runtime)
	}
	if g, _ := Detect(both, "python", only("ruby31")); g.Runtime != "python311" {
		t.Errorf("without any Python: %s", g.Runtime)
	}
}

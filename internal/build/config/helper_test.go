package config

import "github.com/slipway-run/slipway/internal/build/runtimes"

// known are runtimes as a catalogue may have them.
var known = []runtimes.Runtime{
	{Name: "python3", API: "PYTHON_3", Language: "python", Pipeline: runtimes.Original, AWS: true},
	{Name: "python311", API: "PYTHON_311", Language: "python", Pipeline: runtimes.Revised, AWS: true},
	{Name: "python312", Language: "python", Pipeline: runtimes.Revised},
	{Name: "nodejs12", API: "NODEJS_12", Language: "nodejs", Pipeline: runtimes.Original, AWS: true},
	{Name: "nodejs18", API: "NODEJS_18", Language: "nodejs", Pipeline: runtimes.Revised, AWS: true},
	{Name: "nodejs22", API: "NODEJS_22", Language: "nodejs", Pipeline: runtimes.Revised, AWS: true},
	{Name: "corretto8", API: "CORRETTO_8", Language: "java", Pipeline: runtimes.Original, AWS: true},
	{Name: "corretto11", API: "CORRETTO_11", Language: "java", Pipeline: runtimes.Original, AWS: true},
	{Name: "corretto17", Language: "java", Pipeline: runtimes.Original},
	{Name: "go1", API: "GO_1", Language: "go", Pipeline: runtimes.Original, AWS: true},
	{Name: "dotnet6", API: "DOTNET_6", Language: "dotnet", Pipeline: runtimes.Original, AWS: true},
	{Name: "php81", API: "PHP_81", Language: "php", Pipeline: runtimes.Original, AWS: true},
	{Name: "ruby31", API: "RUBY_31", Language: "ruby", Pipeline: runtimes.Original, AWS: true},
}

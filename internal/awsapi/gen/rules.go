package main

// service is one API to generate.
type service struct {
	model   string // file under model/
	dir     string // directory of the generated package
	pkg     string // its package name
	invalid string // the exception that answers a request which breaks the model's constraints
	fault   string // the exception for what is no fault of the caller, when it is not App Runner's
	rules   map[string]rule
}

// rule is a deliberate difference from what the model says about one shape.
type rule struct {
	anyText   bool   // no pattern: the model's is narrower than what Slipway takes
	pattern   string // replaces the model's pattern, in Go's syntax
	min, max  int64  // replace the model's bounds, when max is set
	lowerEnum bool   // the values travel in lower case

	moreEnum []string // values that Slipway takes beyond the model's
}

const uuid = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`

var services = []service{{
	model:   "apprunner.json",
	dir:     "apprunner",
	pkg:     "apprunnerapi",
	invalid: "InvalidRequestException",
	rules: map[string]rule{
		// Slipway takes images from any registry, App Runner only from Amazon's two.
		"ImageIdentifier": {anyText: true},
		// The model asks for a dashed UUID of 32 characters, which cannot be. What App Runner
		// answers is 32 hexadecimal digits; both forms are taken.
		"ServiceId": {pattern: `[0-9a-fA-F]{32}|` + uuid, min: 32, max: 36},
		"UUID":      {pattern: `[0-9a-fA-F]{32}|` + uuid, min: 32, max: 36},
		// Go repeats at most 1000 times. The length bound of the shape says the rest.
		"AppRunnerResourceArn": {pattern: `arn:aws(-\w+)*:[a-z0-9\-\\.]{0,63}:[a-z0-9\-\\.]{0,63}:[0-9]{12}:[\w/\-]+`},
		"RoleArn":              {pattern: `arn:(aws|aws-us-gov|aws-cn|aws-iso|aws-iso-b):iam::[0-9]{12}:(role|role/service-role)/[\w+=,.@\-/]+`},
		// Slipway deploys from more providers of source code than App Runner does.
		"ProviderType": {moreEnum: []string{"GITLAB", "GITEA", "GIT"}},
		// App Runner answers these two in lower case, against its own model, and Terraform
		// compares them literally.
		"AutoScalingConfigurationStatus": {lowerEnum: true},
		"CustomDomainAssociationStatus":  {lowerEnum: true},
	},
}, {
	model:   "ecr.json",
	dir:     "ecr",
	pkg:     "ecrapi",
	invalid: "InvalidParameterException",
	fault:   "ServerException",
	rules: map[string]rule{
		// A push may have made a repository with a name of one character.
		"RepositoryName": {min: 1, max: 256},
	},
}, {
	model:   "ecr-public.json",
	dir:     "ecrpublic",
	pkg:     "ecrpublicapi",
	invalid: "InvalidParameterException",
	fault:   "ServerException",
}, {
	model:   "secretsmanager.json",
	dir:     "secretsmanager",
	pkg:     "secretsmanagerapi",
	invalid: "ValidationException",
	fault:   "InternalServiceError",
}, {
	model:   "ssm.json",
	dir:     "ssm",
	pkg:     "ssmapi",
	invalid: "ValidationException",
	fault:   "InternalServerError",
}, {
	model:   "logs.json",
	dir:     "logs",
	pkg:     "logsapi",
	invalid: "InvalidParameterException",
	fault:   "ServiceUnavailableException",
}, {
	model:   "cloudwatch.json",
	dir:     "cloudwatch",
	pkg:     "cloudwatchapi",
	invalid: "InvalidParameterValueException",
	fault:   "InternalServiceFault",
}}

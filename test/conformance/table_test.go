package conformance

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/test/kit"
)

var update = flag.Bool("update", false, "write docs/conformance.md again")

// sources are the files that have the expectations of a client, by its name.
var sources = map[string]string{
	"Go": "{service,scaling,tag,resource,ingress,domain}_test.go", "boto3": "python/*.py", "JavaScript": "js/*.mjs", "CLI": "cli_test.go",
}

// relied is what clients rely on beyond the model, or against it, and a test that shows it.
var relied = []struct{ what, client, name string }{
	{"Terraform and Copilot read a whole Service without asking what is there", "Go", "CreateService/the least there is gets every default"},
	{"CloudFormation asks for Status DELETED after the end", "Go", "DeleteService/DELETED, described and not listed"},
	{"a failed update leaves the service RUNNING on what it had", "Go", "UpdateService/an image that is not there is rolled back"},
	{"an update without members builds a failed service again", "Go", "UpdateService/a failed service is built again"},
	{"clients look for: No configurations provided in the UpdateService request.", "Go", "UpdateService/nothing to change"},
	{"clients look for: App Runner doesn't support automatic deployments for an image in an ECR Public repository.", "Go", "CreateService/automatic deployments of ECR Public"},
	{"Terraform tries again while it reads: Error in assuming instance role", "Go", "CreateService/an instance role that cannot be assumed"},
	{"clients look for: Invalid Access Role in AuthenticationConfiguration.", "Go", "CreateService/an access role that cannot be assumed"},
	{"Terraform compares active and inactive in lower case", "CLI", "DeleteAutoScalingConfiguration/inactive in lower case"},
	{"Terraform compares the statuses of custom domains in lower case", "Go", "DescribeCustomDomains/records for every name, as Terraform waits for them"},
	{"Copilot takes a null OperationId for already paused", "Go", "PauseService/again there is no operation"},
	{"Copilot takes a null OperationId for already running", "Go", "ResumeService/again there is no operation"},
	{"Copilot splits the resource of a service ARN into three", "CLI", "CreateService/the ARN has a type, a name and an id"},
	{"the default auto scaling configuration has a well-known ARN", "Go", "DescribeAutoScalingConfiguration/the default"},
	{"auto scaling configurations are found by ARNs without id and revision", "Go", "DescribeAutoScalingConfiguration/by all three forms of ARN"},
	{"observability configurations are found by ARNs without id and revision", "Go", "DescribeObservabilityConfiguration/by all three forms of ARN"},
	{"service ARNs are whole", "CLI", "DescribeService/an ARN without the id"},
	{"the AWS CLI has no paginator: everything comes without MaxResults", "Go", "ListServices/page by page, and all at once"},
	{"scripts take the first of list-operations --max-results 1 for the newest", "CLI", "ListOperations/the newest with --max-results 1"},
	{"a page token is for the same question only", "Go", "ListServices/tokens are for the same question only"},
	{"timestamps become times, not strings", "boto3", "DescribeService/times are times"},
	{"EncryptionConfiguration is there only when it was given", "CLI", "DescribeService/EncryptionConfiguration when it was given"},
	{"unsigned and wrongly signed requests are 403, by name", "boto3", "ListServices/unsigned and wrongly signed"},
	{"the ServiceUrl of a private service is there and empty", "Go", "DescribeService/private, with a VPC connector and traces"},
	{"what failed counts towards the quota", "Go", "CreateService/one more than the quota"},
}

// named are the operations of a service model, each with the "Operation/…" that a source names.
func named(t *testing.T, m *model, client string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, pattern := range expand(sources[client]) {
		files, err := filepath.Glob(filepath.Join(kit.Root(), "test", "conformance", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range regexp.MustCompile(`"([A-Z][A-Za-z]+)/([^"\n]+)"`).FindAllStringSubmatch(string(data), -1) {
				if _, ok := m.Operations[match[1]]; ok {
					found[match[1]] = append(found[match[1]], match[2])
				}
			}
		}
	}
	return found
}

// expand turns "{a,b}_test.go" into "a_test.go" and "b_test.go".
func expand(pattern string) []string {
	before, rest, ok := strings.Cut(pattern, "{")
	if !ok {
		return []string{pattern}
	}
	inner, after, _ := strings.Cut(rest, "}")
	var all []string
	for part := range strings.SplitSeq(inner, ",") {
		all = append(all, before+part+after)
	}
	return all
}

// implemented are the operations that Slipway has, in order: those with a handler.
func implemented(t *testing.T) []string {
	t.Helper()
	m, found := readModel(t), map[string]bool{}
	files, err := filepath.Glob(filepath.Join(kit.Root(), "internal", "awsapi", "handlers", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func \(\w* ?\*?Handlers\) (\w+)\(`).FindAllStringSubmatch(string(data), -1) {
			if _, ok := m.Operations[match[1]]; ok {
				found[match[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// TestTable compares docs/conformance.md with what the tests have.
func TestTable(t *testing.T) {
	file := filepath.Join(kit.Root(), "docs", "conformance.md")
	want := document(t)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/conformance.md does not say what the tests cover (%v): run make generate", err)
	}
}

func document(t *testing.T) string {
	t.Helper()
	m, have := readModel(t), implemented(t)
	var out strings.Builder
	out.WriteString(head)
	covered := map[string]map[string][]string{}
	clientNames := slices.Sorted(maps.Keys(sources))
	for _, client := range clientNames {
		covered[client] = named(t, m, client)
	}
	fmt.Fprintf(&out, "| Operation | %s | States | Constraints |\n|---|%s---|---|\n", strings.Join(clientNames, " | "), strings.Repeat("---|", len(clientNames)))
	operations := slices.Sorted(maps.Keys(m.Operations))
	missing := 0
	for _, operation := range operations {
		if !slices.Contains(have, operation) {
			missing++
			fmt.Fprintf(&out, "| %s | %s not there yet | %d |\n", operation, strings.Repeat("| ", len(clientNames)), len(m.constraints(operation)))
			continue
		}
		fmt.Fprintf(&out, "| [%s](#%s) |", operation, strings.ToLower(operation))
		for _, client := range clientNames {
			fmt.Fprintf(&out, " %s |", count(len(covered[client][operation])))
		}
		fmt.Fprintf(&out, " %s | %d |\n", count(stateCells(operation)), len(m.constraints(operation)))
	}
	fmt.Fprintf(&out, "\n%d of %d operations are there.\n\n## What clients rely on\n\n| What | Shown by |\n|---|---|\n", len(operations)-missing, len(operations))
	for _, r := range relied {
		operation, what, _ := strings.Cut(r.name, "/")
		if !slices.Contains(covered[r.client][operation], what) {
			t.Errorf("%q is shown by no test of %s: there is no %q", r.what, r.client, r.name)
		}
		fmt.Fprintf(&out, "| %s | `%s` |\n", r.what, testName(r.client, r.name))
	}
	out.WriteString("\nThe form of every answer (type, request id, epoch seconds, nothing null, every constraint of the\nmodel) is checked on whatever the SDK for Go is answered.\n")
	for _, operation := range have {
		fmt.Fprintf(&out, "\n## %s\n\n| Expected | By |\n|---|---|\n", operation)
		for _, client := range clientNames {
			for _, what := range covered[client][operation] {
				fmt.Fprintf(&out, "| %s | `%s` |\n", what, testName(client, operation+"/"+what))
			}
		}
		for _, row := range table {
			for i, want := range row.want {
				if row.operation == operation {
					fmt.Fprintf(&out, "| on a service that is %s: %s | `%s` |\n", states[i].status, want, testName("states", string(states[i].status)+"/"+operation+"/"+want))
				}
			}
		}
		rules := map[string][]string{}
		for _, c := range m.constraints(operation) {
			rules[c.member] = append(rules[c.member], cell(c.rule))
		}
		for _, member := range slices.Sorted(maps.Keys(rules)) {
			fmt.Fprintf(&out, "| `%s`: %s | `%s/%s/%s` |\n", member, strings.Join(rules[member], "; "), "TestConformance/with/constraints", operation, member)
		}
	}
	return out.String()
}

const head = `# Conformance

What the tests in [test/conformance](../test/conformance) hold Slipway to, with clients that know
nothing of Slipway. "make generate" writes this page; a test compares it with the tests that there
are. An empty cell is a gap. A constraint is one of the service model that AWS publishes, and its
test breaks that one alone.

`

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func stateCells(operation string) int {
	n := 0
	for _, row := range table {
		if row.operation == operation {
			n += len(row.want)
		}
	}
	return n
}

// testName is what to give to go test -run.
func testName(client, name string) string {
	return "TestConformance/with/" + client + "/" + strings.ReplaceAll(name, " ", "_")
}

// cell makes a regular expression fit into a table.
func cell(rule string) string {
	for _, word := range []string{"matches ", "is one of "} {
		if after, ok := strings.CutPrefix(rule, word); ok {
			return word + "`" + strings.ReplaceAll(after, "|", `\|`) + "`"
		}
	}
	return rule
}

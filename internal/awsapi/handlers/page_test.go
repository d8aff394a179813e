package handlers_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
)

func everyone(context.Context, awsapi.Call, awsapi.Message) error { return nil }

// implemented reports whether an operation has a handler: the others say so for a valid input.
func (a *api) implemented(t testing.TB, operation string) bool {
	t.Helper()
	const arn = "arn:aws:apprunner:eu-west-1:123456789012:service/none/11111111111111111111111111111111"
	_, out := a.call(t, operation, fmt.Sprintf(`{"ServiceArn":%[1]q,"ResourceArn":%[1]q,"Tags":[],"TagKeys":[],"DomainName":"a.example",
		"AutoScalingConfigurationArn":%[1]q,"AutoScalingConfigurationName":"none","ConnectionArn":%[1]q,"ConnectionName":"none","ProviderType":"GITHUB",
		"ObservabilityConfigurationArn":%[1]q,"ObservabilityConfigurationName":"none","VpcConnectorArn":%[1]q,"VpcConnectorName":"none","Subnets":["a"],
		"VpcIngressConnectionArn":%[1]q,"VpcIngressConnectionName":"none","IngressVpcConfiguration":{},"ServiceName":"none","SourceConfiguration":{}}`, arn))
	return out["__type"] != "UnknownOperationException"
}

// walk reads a listing page by page.
func (a *api) walk(t testing.TB, operation, list, in string, size int) (items []any, pages int) {
	t.Helper()
	token := ""
	for {
		body := fmt.Sprintf(`{%s"MaxResults":%d%s}`, in, size, token)
		out := a.ok(t, operation, "%s", body)
		page := out[list].([]any)
		if items, pages = append(items, page...), pages+1; pages > 100 {
			t.Fatal("there is no last page")
		}
		next, ok := out["NextToken"].(string)
		if !ok {
			return items, pages
		}
		if len(page) != size {
			t.Errorf("a page before the last has %d items, want %d", len(page), size)
		}
		token = fmt.Sprintf(`,"NextToken":%q`, next)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var arn string
	for n := range 7 {
		arn = a.create(t, fmt.Sprintf("web-%d", n))["ServiceArn"].(string)
	}
	for range 6 {
		a.become(t, arn, apprunner.ServiceRunning)
		a.ok(t, "StartDeployment", `{"ServiceArn":%q}`, arn)
	}
	for n := range 4 {
		a.ok(t, "CreateAutoScalingConfiguration", `{"AutoScalingConfigurationName":"conf-%d"}`, n)
	}
	a.become(t, arn, apprunner.ServiceRunning)
	for n := range 5 {
		a.ok(t, "AssociateCustomDomain", `{"ServiceArn":%q,"DomainName":"name-%d.example"}`, arn, n)
	}
	const byDefault = "arn:aws:apprunner:eu-west-1:123456789012:autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001"
	for _, c := range []struct {
		operation, list, in string
		count               int
	}{
		{"ListServices", "ServiceSummaryList", "", 7},
		{"ListOperations", "OperationSummaryList", fmt.Sprintf(`"ServiceArn":%q,`, arn), 7},
		{"ListAutoScalingConfigurations", "AutoScalingConfigurationSummaryList", "", 5},
		{"ListServicesForAutoScalingConfiguration", "ServiceArnList", fmt.Sprintf(`"AutoScalingConfigurationArn":%q,`, byDefault), 7},
		{"DescribeCustomDomains", "CustomDomains", fmt.Sprintf(`"ServiceArn":%q,`, arn), 5},
	} {
		t.Run(c.operation, func(t *testing.T) {
			t.Parallel()
			out := a.ok(t, c.operation, "{%s}", strings.TrimSuffix(c.in, ","))
			all := out[c.list].([]any)
			if len(all) != c.count || out["NextToken"] != nil {
				t.Fatalf("without MaxResults there are %d of %d items, and the token %v", len(all), c.count, out["NextToken"])
			}
			for _, size := range []int{1, 2, 3, c.count - 1, c.count, c.count + 1} {
				if size > 5 && c.operation == "DescribeCustomDomains" {
					continue // the most that it takes
				}
				got, pages := a.walk(t, c.operation, c.list, c.in, size)
				if diff := cmp.Diff(all, got); diff != "" {
					t.Errorf("pages of %d (-whole +pages):\n%s", size, diff)
				}
				if want := (c.count + size - 1) / size; pages != want {
					t.Errorf("%d items come on %d pages of %d, want %d", c.count, pages, size, want)
				}
			}
		})
	}
}

// A listing goes on where it was while services come and go.
func TestPagesOfWhatChanges(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	arns := map[string]string{}
	for _, name := range []string{"web-a", "web-b", "web-c", "web-d"} {
		arns[name] = a.create(t, name)["ServiceArn"].(string)
	}
	first := a.ok(t, "ListServices", `{"MaxResults":2}`) // d, c
	a.create(t, "web-e")                                 // newer than where it was
	a.become(t, arns["web-c"], apprunner.ServiceDeleted) // the last one seen
	second := a.ok(t, "ListServices", `{"MaxResults":2,"NextToken":%q}`, first["NextToken"])
	var names []any
	for _, s := range second["ServiceSummaryList"].([]any) {
		names = append(names, s.(object)["ServiceName"])
	}
	if diff := cmp.Diff([]any{"web-b", "web-a"}, names); diff != "" || second["NextToken"] != nil {
		t.Errorf("the second page, then %v (-want +got):\n%s", second["NextToken"], diff)
	}
}

func TestTokensAreBound(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var arns []string
	for n := range 3 {
		arn := a.create(t, fmt.Sprintf("web-%d", n))["ServiceArn"].(string)
		a.become(t, arn, apprunner.ServiceRunning)
		a.ok(t, "StartDeployment", `{"ServiceArn":%q}`, arn)
		arns = append(arns, arn)
	}
	token := a.ok(t, "ListServices", `{"MaxResults":1}`)["NextToken"].(string)
	operations := a.ok(t, "ListOperations", `{"ServiceArn":%q,"MaxResults":1}`, arns[0])["NextToken"].(string)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(i int) string {
		forged := append([]byte(nil), raw...)
		forged[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(forged)
	}
	for name, in := range map[string]string{
		"another size":            fmt.Sprintf(`ListServices {"MaxResults":2,"NextToken":%q}`, token),
		"no size":                 fmt.Sprintf(`ListServices {"NextToken":%q}`, token),
		"another operation":       fmt.Sprintf(`ListAutoScalingConfigurations {"MaxResults":1,"NextToken":%q}`, token),
		"another service":         fmt.Sprintf(`ListOperations {"ServiceArn":%q,"MaxResults":1,"NextToken":%q}`, arns[1], operations),
		"a forged signature":      fmt.Sprintf(`ListServices {"MaxResults":1,"NextToken":%q}`, flipped(0)),
		"a forged key":            fmt.Sprintf(`ListServices {"MaxResults":1,"NextToken":%q}`, flipped(len(raw)-1)),
		"a token that is cut":     fmt.Sprintf(`ListServices {"MaxResults":1,"NextToken":%q}`, token[:len(token)-4]),
		"no token at all":         `ListServices {"MaxResults":1,"NextToken":"abc"}`,
		"what is not even base64": `ListServices {"MaxResults":1,"NextToken":"*"}`,
	} {
		operation, body, _ := strings.Cut(in, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a.refused(t, "InvalidRequestException", "NextToken is not valid for this request", operation, "%s", body)
		})
	}
}

// FuzzToken: no token but our own is taken, and none makes the server fail.
func FuzzToken(f *testing.F) {
	f.Add("")
	f.Add("abc")
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 64)))
	a := newAPI(f)
	f.Fuzz(func(t *testing.T, token string) {
		encoded, err := json.Marshal(map[string]string{"NextToken": token})
		if err != nil {
			t.Skip(err)
		}
		status, out := a.call(t, "ListServices", string(encoded))
		if token == "" {
			if status != http.StatusOK {
				t.Errorf("an empty token: %v", out)
			}
			return
		}
		if status != http.StatusBadRequest || (out["__type"] != "InvalidRequestException" && out["__type"] != "SerializationException") {
			t.Errorf("token %q was answered %d %v", token, status, out)
		}
	})
}

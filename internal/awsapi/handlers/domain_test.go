package handlers_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// advance takes a custom domain through its statuses, as the worker does.
func (a *api) advance(t *testing.T, name string, change func(apprunner.CustomDomain) (apprunner.CustomDomain, error)) {
	t.Helper()
	err := a.store.ChangeDomain(t.Context(), name, func(_ apprunner.Service, d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		return change(d)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCustomDomains(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	s := a.create(t, "web-app")
	arn := s["ServiceArn"].(string)
	a.refused(t, "InvalidStateException", "OPERATION_IN_PROGRESS", "AssociateCustomDomain", `{"ServiceArn":%q,"DomainName":"example.com"}`, arn)
	a.become(t, arn, apprunner.ServiceRunning)

	out := a.ok(t, "AssociateCustomDomain", `{"ServiceArn":%q,"DomainName":"Example.com"}`, arn)
	want := object{
		"ServiceArn": arn, "DNSTarget": s["ServiceUrl"].(string)[:len(s["ServiceUrl"].(string))-len(":8080")], "VpcDNSTargets": []any{},
		"CustomDomain": object{"DomainName": "example.com", "EnableWWWSubdomain": true, "Status": "creating"},
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("AssociateCustomDomain (-want +got):\n%s", diff)
	}
	describe := func() (object, []any) {
		all := a.ok(t, "DescribeCustomDomains", `{"ServiceArn":%q}`, arn)
		if len(all["VpcDNSTargets"].([]any)) != 0 || all["DNSTarget"] != want["DNSTarget"] || all["ServiceArn"] != arn {
			t.Errorf("DescribeCustomDomains: %v", all)
		}
		d := all["CustomDomains"].([]any)[0].(object)
		records, _ := d["CertificateValidationRecords"].([]any)
		return d, records
	}
	if d, records := describe(); d["Status"] != "creating" || records != nil {
		t.Errorf("a new domain: %v", d)
	}
	a.advance(t, "example.com", func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) { return d.Prepare("localhost", a.now) })
	a.advance(t, "example.com", func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		return d.Prove([]string{"example.com"}, a.now)
	})
	d, records := describe()
	if d["Status"] != "pending_certificate_dns_validation" || len(records) != 2 {
		t.Fatalf("a domain that waits: %v", d)
	}
	for i, status := range []string{"SUCCESS", "PENDING_VALIDATION"} {
		if r := records[i].(object); r["Status"] != status || r["Type"] != "CNAME" || r["Name"] == "" || r["Value"] == "" {
			t.Errorf("record %d: %v", i, r)
		}
	}
	a.advance(t, "example.com", func(d apprunner.CustomDomain) (apprunner.CustomDomain, error) { return d.Fail("too late", a.now) })
	if d, records := describe(); d["Status"] != "create_failed" || records[1].(object)["Status"] != "FAILED" {
		t.Errorf("a domain that failed: %v", d)
	}
	for range 2 { // a second call changes nothing
		out = a.ok(t, "DisassociateCustomDomain", `{"ServiceArn":%q,"DomainName":"EXAMPLE.com"}`, arn)
		if d := out["CustomDomain"].(object); d["Status"] != "deleting" || out["DNSTarget"] != want["DNSTarget"] || out["ServiceArn"] != arn {
			t.Errorf("DisassociateCustomDomain: %v", out)
		}
	}
}

func TestCustomDomainsAreRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	arn, other := a.create(t, "web-app")["ServiceArn"].(string), a.create(t, "other")["ServiceArn"].(string)
	a.become(t, arn, apprunner.ServiceRunning)
	a.become(t, other, apprunner.ServiceRunning)
	const unknown = "arn:aws:apprunner:eu-west-1:123456789012:service/none/11111111111111111111111111111111"
	for n := range 5 {
		a.ok(t, "AssociateCustomDomain", `{"ServiceArn":%q,"DomainName":"name-%d.example.com"}`, arn, n)
	}
	for words, c := range map[string]struct{ code, operation, in string }{
		"has 5 custom domains":                 {"InvalidRequestException", "AssociateCustomDomain", fmt.Sprintf(`{"ServiceArn":%q,"DomainName":"sixth.example.com"}`, arn)},
		"EnableWWWSubdomain must be false":     {"InvalidRequestException", "AssociateCustomDomain", fmt.Sprintf(`{"ServiceArn":%q,"DomainName":"*.example.com"}`, other)},
		"associated with another service":      {"InvalidRequestException", "AssociateCustomDomain", fmt.Sprintf(`{"ServiceArn":%q,"DomainName":"name-0.example.com"}`, other)},
		"There is no service with ARN":         {"ResourceNotFoundException", "AssociateCustomDomain", fmt.Sprintf(`{"ServiceArn":%q,"DomainName":"a.example"}`, unknown)},
		"is not associated with service":       {"ResourceNotFoundException", "DisassociateCustomDomain", fmt.Sprintf(`{"ServiceArn":%q,"DomainName":"none.example.com"}`, arn)},
		"name-0.example.com is not associated": {"ResourceNotFoundException", "DisassociateCustomDomain", fmt.Sprintf(`{"ServiceArn":%q,"DomainName":"name-0.example.com"}`, other)},
		"less than or equal to 5":              {"InvalidRequestException", "DescribeCustomDomains", fmt.Sprintf(`{"ServiceArn":%q,"MaxResults":6}`, arn)},
	} {
		a.refused(t, c.code, words, c.operation, "%s", c.in)
	}
	a.become(t, other, apprunner.ServicePaused)
	a.refused(t, "InvalidStateException", "is PAUSED. Resume it first.", "AssociateCustomDomain", `{"ServiceArn":%q,"DomainName":"late.example.com"}`, other)
	a.become(t, other, apprunner.ServiceDeleted)
	a.refused(t, "ResourceNotFoundException", "is deleted", "AssociateCustomDomain", `{"ServiceArn":%q,"DomainName":"late.example.com"}`, other)
}

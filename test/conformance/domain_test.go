package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
)

// The statuses of custom domains, which AWS answers in lower case, against its own model.
const (
	domainCreating = types.CustomDomainAssociationStatus("creating")
	domainPending  = types.CustomDomainAssociationStatus("pending_certificate_dns_validation")
	domainDeleting = types.CustomDomainAssociationStatus("deleting")
)

// domainSteps give the service "shop" domains. Their names do not exist, so none comes into use.
var domainSteps = []step{
	{"AssociateCustomDomain/creating, without records, and with www", func(t *testing.T, c *goClient) {
		service := c.await(t, c.arns["shop"], types.ServiceStatusRunning)
		out := must[sdk.AssociateCustomDomainOutput](t)(c.AssociateCustomDomain(t.Context(), &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: new("a.go.example")}))
		if d := out.CustomDomain; d.Status != domainCreating || d.CertificateValidationRecords != nil || !*d.EnableWWWSubdomain || *d.DomainName != "a.go.example" {
			t.Errorf("answered %+v", d)
		}
		if host, _, _ := strings.Cut(*service.ServiceUrl, ":"); *out.DNSTarget != host || *out.ServiceArn != *c.arns["shop"] || out.VpcDNSTargets == nil || len(out.VpcDNSTargets) > 0 {
			t.Errorf("answered %+v", out)
		}
	}},
	{"AssociateCustomDomain/a name that is taken", func(t *testing.T, c *goClient) {
		for _, name := range []string{"a.go.example", "A.GO.example", "www.a.go.example"} {
			refused[invalidRequest](t, "is already associated with service")(
				c.AssociateCustomDomain(t.Context(), &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: &name}))
		}
		refused[invalidRequest](t, "is associated with another service")(
			c.AssociateCustomDomain(t.Context(), &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["least"], DomainName: new("a.go.example")}))
	}},
	{"AssociateCustomDomain/a wildcard, without www", func(t *testing.T, c *goClient) {
		wild := &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: new("*.b.go.example")}
		refused[invalidRequest](t, "EnableWWWSubdomain must be false")(c.AssociateCustomDomain(t.Context(), wild))
		wild.EnableWWWSubdomain = new(false)
		if d := must[sdk.AssociateCustomDomainOutput](t)(c.AssociateCustomDomain(t.Context(), wild)).CustomDomain; d.Status != domainCreating || *d.EnableWWWSubdomain {
			t.Errorf("answered %+v", d)
		}
		for _, name := range []string{"login*.go.example", "*.login*.go.example"} {
			refused[invalidRequest](t, "wildcard")(c.AssociateCustomDomain(t.Context(), &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: &name, EnableWWWSubdomain: new(false)}))
		}
	}},
	{"AssociateCustomDomain/one more than the quota", func(t *testing.T, c *goClient) {
		for _, name := range []string{"c.go.example", "d.go.example", "e.go.example", "f.go.example"} {
			out, err := c.AssociateCustomDomain(t.Context(), &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: &name, EnableWWWSubdomain: new(false)})
			if name == "f.go.example" {
				// The operation has no ServiceQuotaExceededException.
				refused[invalidRequest](t, "5 custom domains")(out, err)
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"DescribeCustomDomains/records for every name, as Terraform waits for them", func(t *testing.T, c *goClient) {
		for name, records := range map[string]int{"a.go.example": 2, "*.b.go.example": 1} {
			d := c.awaitDomain(t, name, domainPending)
			if len(d.CertificateValidationRecords) < records {
				t.Errorf("%s has the records %+v", name, d.CertificateValidationRecords)
			}
			for _, r := range d.CertificateValidationRecords {
				if *r.Type != "CNAME" || r.Status != types.CertificateValidationRecordStatusPendingValidation || !strings.HasPrefix(*r.Name, "_") || !strings.HasSuffix(*r.Value, ".") {
					t.Errorf("%s has the record %s %s %s %s", name, *r.Type, *r.Name, *r.Value, r.Status)
				}
			}
		}
	}},
	{"DescribeCustomDomains/page by page, and all at once", func(t *testing.T, c *goClient) {
		p := sdk.NewDescribeCustomDomainsPaginator(c, &sdk.DescribeCustomDomainsInput{ServiceArn: c.arns["shop"], MaxResults: new(int32(2))})
		var sizes []int
		var got []string
		for _, page := range pages(t, p.HasMorePages, p.NextPage) {
			sizes = append(sizes, len(page.CustomDomains))
			for _, d := range page.CustomDomains {
				got = append(got, *d.DomainName)
			}
		}
		slices.Sort(got)
		if want := []string{"*.b.go.example", "a.go.example", "c.go.example", "d.go.example", "e.go.example"}; !slices.Equal(got, want) || !slices.Equal(sizes, []int{2, 2, 1}) {
			t.Errorf("pages of %v have %q, want %q", sizes, got, want)
		}
		all := must[sdk.DescribeCustomDomainsOutput](t)(c.DescribeCustomDomains(t.Context(), &sdk.DescribeCustomDomainsInput{ServiceArn: c.arns["shop"]}))
		if len(all.CustomDomains) != 5 || all.NextToken != nil {
			t.Errorf("without MaxResults there are %d domains and the token %v", len(all.CustomDomains), all.NextToken)
		}
		refused[invalidRequest](t, "at 'maxResults'")(c.DescribeCustomDomains(t.Context(), &sdk.DescribeCustomDomainsInput{ServiceArn: c.arns["shop"], MaxResults: new(int32(6))}))
	}},
	{"DescribeCustomDomains/of a service without any, and of none", func(t *testing.T, c *goClient) {
		out := must[sdk.DescribeCustomDomainsOutput](t)(c.DescribeCustomDomains(t.Context(), &sdk.DescribeCustomDomainsInput{ServiceArn: c.arns["least"]}))
		if out.CustomDomains == nil || len(out.CustomDomains) > 0 || out.VpcDNSTargets == nil || *out.DNSTarget == "" {
			t.Errorf("answered %+v", out)
		}
		refused[notFound](t, missingService)(c.DescribeCustomDomains(t.Context(), &sdk.DescribeCustomDomainsInput{ServiceArn: new(missingService)}))
	}},
	{"DisassociateCustomDomain/deleting, then gone, and the name is free", func(t *testing.T, c *goClient) {
		for _, name := range []string{"a.go.example", "*.b.go.example", "c.go.example", "d.go.example", "e.go.example"} {
			out := must[sdk.DisassociateCustomDomainOutput](t)(c.DisassociateCustomDomain(t.Context(), &sdk.DisassociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: &name}))
			if d := out.CustomDomain; d.Status != domainDeleting || *d.DomainName != name || *out.ServiceArn != *c.arns["shop"] {
				t.Errorf("answered %+v", d)
			}
			c.awaitDomain(t, name, "")
		}
		again := &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: new("a.go.example")}
		must[sdk.AssociateCustomDomainOutput](t)(c.AssociateCustomDomain(t.Context(), again))
		must[sdk.DisassociateCustomDomainOutput](t)(c.DisassociateCustomDomain(t.Context(), &sdk.DisassociateCustomDomainInput{ServiceArn: c.arns["shop"], DomainName: again.DomainName}))
		c.awaitDomain(t, *again.DomainName, "")
	}},
	{"DisassociateCustomDomain/no such domain, and no such service", func(t *testing.T, c *goClient) {
		for arn, text := range map[string]string{*c.arns["shop"]: "a.go.example", missingService: missingService} {
			refused[notFound](t, text)(c.DisassociateCustomDomain(t.Context(), &sdk.DisassociateCustomDomainInput{ServiceArn: &arn, DomainName: new("a.go.example")}))
		}
	}},
}

// awaitDomain waits until a custom domain of "shop" has a status, "" for being gone.
func (c *goClient) awaitDomain(t *testing.T, name string, want types.CustomDomainAssociationStatus) *types.CustomDomain {
	t.Helper()
	var found *types.CustomDomain
	c.s.With(t).Eventually(fmt.Sprintf("the domain %s is %q", name, want), time.Minute, func() error {
		out, err := c.DescribeCustomDomains(t.Context(), &sdk.DescribeCustomDomainsInput{ServiceArn: c.arns["shop"]})
		if err != nil {
			return err
		}
		found = nil
		for i, d := range out.CustomDomains {
			if *d.DomainName == name {
				found = &out.CustomDomains[i]
			}
		}
		status := types.CustomDomainAssociationStatus("")
		if found != nil {
			status = found.Status
		}
		if status != want {
			return fmt.Errorf("it is %q", status)
		}
		return nil
	})
	return found
}

package test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// ask sends a request for a host to an address.
func ask(address, host, path string) (int, string, error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0, "", err
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

type ingressAnswer struct {
	VpcIngressConnection struct{ VpcIngressConnectionArn, Status, DomainName, ServiceArn string }
}

func TestPrivateService(t *testing.T) {
	t.Parallel()
	private := kit.FreeAddress(t)
	s := kit.Start(t, "private-listen: "+private+"\n")
	s.PushMimic("mimic:v1", "v1")
	in := s.Input("private-app", "mimic:v1")
	in.NetworkConfiguration = &apprunnerapi.NetworkConfiguration{
		IngressConfiguration: &apprunnerapi.IngressConfiguration{IsPubliclyAccessible: new(false)},
		IpAddressType:        new(apprunnerapi.IpAddressTypeDualStack),
	}
	service := s.Run(in)
	if url := *service.ServiceUrl; url != "" {
		t.Errorf("ServiceUrl is %q, want none", url)
	}
	if got := *service.NetworkConfiguration.IpAddressType; got != apprunnerapi.IpAddressTypeDualStack {
		t.Errorf("IpAddressType is %s", got)
	}
	if events := s.Events("private-app"); !strings.Contains(events, "nothing listens on IPv6") {
		t.Errorf("no warning of DUAL_STACK:\n%s", events)
	}

	var made, found ingressAnswer
	s.AWS(&made, "create-vpc-ingress-connection", "--vpc-ingress-connection-name", "inner", "--service-arn", *service.ServiceArn,
		"--ingress-vpc-configuration", "VpcId=vpc-1,VpcEndpointId=vpce-1")
	conn := made.VpcIngressConnection
	if conn.Status != "PENDING_CREATION" || !strings.HasSuffix(conn.DomainName, ".us-east-1.localhost") {
		t.Errorf("made %+v", conn)
	}
	await := func(want string) {
		t.Helper()
		s.Eventually("the VPC ingress connection is "+want, 20*time.Second, func() error {
			s.AWS(&found, "describe-vpc-ingress-connection", "--vpc-ingress-connection-arn", conn.VpcIngressConnectionArn)
			if got := found.VpcIngressConnection.Status; got != want {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		})
	}
	answers := func(address, host string, want int) {
		t.Helper()
		if code, body, err := ask(address, host, "/"); err != nil || code != want {
			t.Errorf("%s at %s answers %d %q, %v, want %d", host, address, code, body, err, want)
		}
	}
	await("AVAILABLE")
	answers(private, conn.DomainName, 200)
	answers(s.HTTP, conn.DomainName, 404)

	// A custom domain leads to the connection's domain, and is answered where that is.
	var domains apprunnerapi.DescribeCustomDomainsOutput
	target := func(out []apprunnerapi.VpcDNSTarget) {
		t.Helper()
		if len(out) != 1 || *out[0].DomainName != conn.DomainName || *out[0].VpcId != "vpc-1" || *out[0].VpcIngressConnectionArn != conn.VpcIngressConnectionArn {
			t.Errorf("VpcDNSTargets are %+v", out)
		}
	}
	var associated apprunnerapi.AssociateCustomDomainOutput
	for _, name := range []string{"inner.localhost", "*.wild.localhost"} {
		s.AWS(&associated, "associate-custom-domain", "--service-arn", *service.ServiceArn, "--domain-name", name, "--no-enable-www-subdomain")
		target(associated.VpcDNSTargets)
	}
	s.Eventually("the custom domains are active", 20*time.Second, func() error {
		domains = apprunnerapi.DescribeCustomDomainsOutput{}
		s.AWS(&domains, "describe-custom-domains", "--service-arn", *service.ServiceArn)
		for _, d := range domains.CustomDomains {
			if *d.Status != "active" {
				return fmt.Errorf("%s is %s", *d.DomainName, *d.Status)
			}
		}
		return nil
	})
	target(domains.VpcDNSTargets)
	for _, name := range []string{"inner.localhost", "any.wild.localhost"} {
		answers(private, name, 200)
		answers(s.HTTP, name, 404)
	}

	// After a crash everything is as before.
	s.Kill()
	s.Start()
	answers(private, conn.DomainName, 200)
	answers(private, "any.wild.localhost", 200)
	answers(s.HTTP, conn.DomainName, 404)

	refused(t, s, "VPC ingress connection", "delete-service", "--service-arn", *service.ServiceArn)
	s.AWS(&found, "update-vpc-ingress-connection", "--vpc-ingress-connection-arn", conn.VpcIngressConnectionArn,
		"--ingress-vpc-configuration", "VpcId=vpc-1,VpcEndpointId=vpce-2")
	await("AVAILABLE")
	var list struct {
		VpcIngressConnectionSummaryList []struct{ VpcIngressConnectionArn string }
	}
	s.AWS(&list, "list-vpc-ingress-connections", "--filter", "VpcEndpointId=vpce-2")
	if len(list.VpcIngressConnectionSummaryList) != 1 {
		t.Errorf("listed %+v", list)
	}
	s.AWS(&found, "delete-vpc-ingress-connection", "--vpc-ingress-connection-arn", conn.VpcIngressConnectionArn)
	await("DELETED")
	answers(private, conn.DomainName, 404)
	answers(private, "inner.localhost", 404)
	s.AWS(&domains, "describe-custom-domains", "--service-arn", *service.ServiceArn)
	if len(domains.VpcDNSTargets) != 0 {
		t.Errorf("VpcDNSTargets are %+v", domains.VpcDNSTargets)
	}

	// Public again: the URL is back. While it was private, nobody could find its host.
	var out apprunnerapi.UpdateServiceOutput
	if err := s.Call("UpdateService", &apprunnerapi.UpdateServiceInput{ServiceArn: service.ServiceArn, NetworkConfiguration: &apprunnerapi.NetworkConfiguration{
		IngressConfiguration: &apprunnerapi.IngressConfiguration{IsPubliclyAccessible: new(true)},
	}}, &out); err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(*out.Service.ServiceUrl, ":")
	answers(s.HTTP, host, 404)
	public := s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
	if code, body := s.Get(public, "/"); code != 200 || !strings.HasPrefix(body, "v1 ") {
		t.Errorf("the public URL answers %d %q", code, body)
	}
	answers(s.HTTP, "any.wild.localhost", 200)
	s.Delete(*service.ServiceArn)
}

func TestConnectionsByTheCLI(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "")
	var made, gone struct {
		Connection struct{ ConnectionArn, ConnectionName, ProviderType, Status string }
	}
	s.AWS(&made, "create-connection", "--connection-name", "hub1", "--provider-type", "GITHUB", "--tags", "Key=a,Value=b")
	if c := made.Connection; c.Status != "PENDING_HANDSHAKE" || c.ProviderType != "GITHUB" {
		t.Errorf("made %+v", c)
	}
	var list struct {
		ConnectionSummaryList []struct{ ConnectionName, Status string }
	}
	s.AWS(&list, "list-connections", "--connection-name", "hub1")
	if len(list.ConnectionSummaryList) != 1 {
		t.Errorf("listed %+v", list)
	}
	refused(t, s, "already exists", "create-connection", "--connection-name", "hub1", "--provider-type", "BITBUCKET")
	s.Kill()
	s.Start()
	s.AWS(&gone, "delete-connection", "--connection-arn", made.Connection.ConnectionArn)
	if gone.Connection.Status != "DELETED" {
		t.Errorf("deleted %+v", gone)
	}
	s.AWS(&list, "list-connections")
	if len(list.ConnectionSummaryList) != 0 {
		t.Errorf("still listed: %+v", list)
	}
}

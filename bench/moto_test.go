package bench

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/test/kit"
)

// BenchmarkBesideMoto measures two calls that both Slipway and moto answer. They take turns. Slipway
// verifies every signature, asks the policy of the key and writes an audit log; moto does none of it.
func BenchmarkBesideMoto(b *testing.B) {
	s := kit.Start(b, "throttle: {rate: 1000000, burst: 1000000}\n")
	moto, slipway := startMoto(b), "http://"+s.API
	key := s.Key()
	for _, url := range []string{moto, slipway} {
		for n := range 20 {
			create := request{"ecr", "AmazonEC2ContainerRegistry_V20150921.CreateRepository", fmt.Sprintf(`{"repositoryName":"team/app-%d"}`, n)}
			if err := create.send(url, key); err != nil {
				b.Fatal(err)
			}
		}
	}
	for name, r := range map[string]request{
		"GetCallerIdentity":    {"sts", "", "Action=GetCallerIdentity&Version=2011-06-15"},
		"DescribeRepositories": {"ecr", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories", "{}"},
	} {
		b.Run(name, func(b *testing.B) {
			var ours, theirs calls
			for b.Loop() {
				ours.round(b, func(int) error { return r.send(slipway, key) })
				theirs.round(b, func(int) error { return r.send(moto, key) })
			}
			b.ReportMetric(0, "ns/op") // the sum of both says nothing
			ours.report(b, "slipway-")
			theirs.report(b, "moto-")
			b.ReportMetric(ours.rate()/theirs.rate(), "slipway/moto")
		})
	}
}

// request is one call of an AWS API; without a target it is of the query protocol.
type request struct{ service, target, body string }

func (r request) send(url string, key iam.Key) error {
	call, err := http.NewRequest(http.MethodPost, url+"/", strings.NewReader(r.body))
	if err != nil {
		return err
	}
	call.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if r.target != "" {
		call.Header.Set("Content-Type", "application/x-amz-json-1.1")
		call.Header.Set("X-Amz-Target", r.target)
	}
	if err := sigv4.Sign(call, []byte(r.body), key.ID, key.Secret, kit.Region, r.service, time.Now()); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(call)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return err
}

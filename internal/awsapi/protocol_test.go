package awsapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/awsapi"
	cloudwatchapi "github.com/slipway-run/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// monitor answers with what it was asked for, and refuses a period of 7.
type monitor struct {
	cloudwatchapi.Unimplemented
	asked *cloudwatchapi.GetMetricStatisticsInput
}

func (m *monitor) GetMetricStatistics(_ context.Context, in *cloudwatchapi.GetMetricStatisticsInput) (*cloudwatchapi.GetMetricStatisticsOutput, error) {
	m.asked = in
	switch *in.Period {
	case 7:
		return nil, awsapi.Errorf(400, "InvalidParameterCombinationException", "not <7>")
	case 8:
		return nil, io.ErrUnexpectedEOF
	}
	return &cloudwatchapi.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []cloudwatchapi.Datapoint{
		{Timestamp: in.StartTime, Average: new(1.5), ExtendedStatistics: map[string]float64{"p95": 2e21}, Unit: new(cloudwatchapi.StandardUnitPercent)},
	}}, nil
}

func serveMonitor(t *testing.T) (at string, m *monitor) {
	t.Helper()
	m = &monitor{}
	api := cloudwatchapi.API(m)
	s := awsapi.NewServer(awsapi.Config{
		Authenticator: &sigv4.Verifier{Keys: sigv4.Static{keyID: secret}, Services: []string{"monitoring", "sts"}, Now: time.Now},
		Authorizer: awsapi.AuthorizerFunc(func(_ context.Context, call awsapi.Call, _ awsapi.Message) error {
			if call.Action() != "cloudwatch:GetMetricStatistics" {
				return awsapi.Errorf(403, "AccessDeniedException", "not %s", call.Action())
			}
			return nil
		}), Logger: slog.New(slog.DiscardHandler), CheckAnswers: true,
	}, api)
	s.AddQuery(awsapi.Query(api, "2010-08-01", "http://monitoring.example/"))
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL, m
}

const statisticsPath = "/service/GraniteServiceVersion20100801/operation/GetMetricStatistics"

// callCBOR sends a body as the SDKs send CBOR.
func callCBOR(t *testing.T, at, path string, body []byte, edits ...edit) (int, http.Header, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/cbor")
	r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
	r.Header.Set("X-Amzn-Query-Mode", "true")
	for _, e := range edits {
		e(r)
	}
	if err := sigv4.Sign(r, body, keyID, secret, "eu-west-1", "monitoring", time.Now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := map[string]any{}
	if err := cbor.Unmarshal(data, &answer); err != nil && res.Header.Get("Content-Type") == "application/cbor" {
		t.Fatalf("the answer %x is not CBOR: %v", data, err)
	}
	return res.StatusCode, res.Header, answer
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	data, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// asked is an input as CBOR has it.
func asked(period any) map[string]any {
	return map[string]any{
		"Namespace": "AWS/AppRunner", "MetricName": "Requests", "Period": period, "Statistics": []string{"Sum", "Average"}, "Tomorrow": "unknown",
		"Dimensions": []map[string]any{{"Name": "ServiceName", "Value": "web"}},
		"StartTime":  cbor.Tag{Number: 1, Content: 1795000000}, "EndTime": cbor.Tag{Number: 1, Content: 1795000600.25},
	}
}

func wantAsked(period int32) *cloudwatchapi.GetMetricStatisticsInput {
	return &cloudwatchapi.GetMetricStatisticsInput{
		Namespace: new("AWS/AppRunner"), MetricName: new("Requests"), Period: &period,
		Statistics: []cloudwatchapi.Statistic{cloudwatchapi.StatisticSum, cloudwatchapi.StatisticAverage},
		Dimensions: []cloudwatchapi.Dimension{{Name: new("ServiceName"), Value: new("web")}},
		StartTime:  awsapi.NewTime(time.Unix(1795000000, 0).UTC()), EndTime: awsapi.NewTime(time.UnixMilli(1795000600250).UTC()),
	}
}

func TestCBORAnswers(t *testing.T) {
	at, m := serveMonitor(t)
	status, header, answer := callCBOR(t, at, statisticsPath, encoded(t, asked(60)))
	if status != 200 || header.Get("Content-Type") != "application/cbor" || header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
		t.Errorf("answer = %d %v", status, header)
	}
	if diff := cmp.Diff(wantAsked(60), m.asked); diff != "" {
		t.Error(diff)
	}
	point := answer["Datapoints"].([]any)[0].(map[any]any)
	at2, ok := point["Timestamp"].(time.Time)
	if !ok || at2.Unix() != 1795000000 || point["Average"] != 1.5 || answer["Label"] != "Requests" || point["Sum"] != nil {
		t.Errorf("answer = %v", answer)
	}
}

func TestCBORRefuses(t *testing.T) {
	at, _ := serveMonitor(t)
	good := encoded(t, asked(60))
	for _, tt := range []struct {
		reason, path string
		body         []byte
		edit         edit
		status       int
		code, query  string
	}{
		{"an operation that there is not", strings.Replace(statisticsPath, "Get", "Put", 1), good, nil, 404, "UnknownOperationException", "UnknownOperationException;Sender"},
		{"another path", "/service/GraniteServiceVersion20100801", good, nil, 404, "UnknownOperationException", "UnknownOperationException;Sender"},
		{"another content type", statisticsPath, good, header("Content-Type", "application/json"), 415, "UnsupportedMediaTypeException", "UnsupportedMediaTypeException;Sender"},
		{"no CBOR", statisticsPath, []byte("{}"), nil, 400, "SerializationException", "MalformedInput;Sender"},
		{"cut off", statisticsPath, good[:len(good)-3], nil, 400, "SerializationException", "MalformedInput;Sender"},
		{"a text for a number", statisticsPath, encoded(t, asked("60")), nil, 400, "SerializationException", "MalformedInput;Sender"},
		{"a time without its tag", statisticsPath, encoded(t, map[string]any{"StartTime": 1795000000}), nil, 400, "SerializationException", "MalformedInput;Sender"},
		{"a member that is missing", statisticsPath, encoded(t, map[string]any{}), nil, 400, "InvalidParameterValueException", "InvalidParameterValue;Sender"},
		{"nothing", statisticsPath, nil, nil, 400, "InvalidParameterValueException", "InvalidParameterValue;Sender"},
		{"an error of the operation", statisticsPath, encoded(t, asked(7)), nil, 400, "InvalidParameterCombinationException", "InvalidParameterCombination;Sender"},
		{"a failure", statisticsPath, encoded(t, asked(8)), nil, 500, "InternalServiceFault", "InternalServiceError;Receiver"},
		{"not allowed", strings.Replace(statisticsPath, "GetMetricStatistics", "ListMetrics", 1), encoded(t, map[string]any{}), nil, 403, "AccessDeniedException", "AccessDenied;Sender"},
	} {
		var edits []edit
		if tt.edit != nil {
			edits = append(edits, tt.edit)
		}
		status, header, answer := callCBOR(t, at, tt.path, tt.body, edits...)
		message, _ := answer["message"].(string)
		if status != tt.status || answer["__type"] != tt.code || header.Get("X-Amzn-Query-Error") != tt.query || message == "" {
			t.Errorf("%s: %d %v, %q", tt.reason, status, answer, header.Get("X-Amzn-Query-Error"))
		}
	}
}

// What is wrong with a body is told in the words of the API, and without what is in it.
func TestCBORErrors(t *testing.T) {
	at, _ := serveMonitor(t)
	const private = "hunter2"
	for _, tt := range []struct {
		reason string
		body   any
		says   string
	}{
		{"a text for a number", asked(private), `The member "Period", or a part of it, is of the wrong type or too large: UTF-8 text string.`},
		{"too large a number", asked(1 << 40), `The member "Period", or a part of it, is of the wrong type or too large: positive integer.`},
		{"a number for a name", map[string]any{"Dimensions": []any{map[string]any{"Name": 7}}}, `The member "Dimensions", or a part of it, is of the wrong type or too large: positive integer.`},
		{"no map", private, "The request body must be a map, not: UTF-8 text string."},
		{"a name twice", cbor.RawMessage("\xa2\x67hunter2\x01\x67hunter2\x02"), "The request body has a map with two members of one name."},
		{"a time that is none", map[string]any{"StartTime": private}, "The request body is not the CBOR of this operation: a timestamp must be a number of seconds since 1970 with the tag 1."},
		{"very deep", deep(70), "The request body is not the CBOR of this operation: cbor: exceeded max nested level 64."},
	} {
		status, _, answer := callCBOR(t, at, statisticsPath, encoded(t, tt.body))
		if status != 400 || answer["message"] != tt.says {
			t.Errorf("%s: %d %v", tt.reason, status, answer)
		}
	}
}

// deep is a list in a list in a list.
func deep(levels int) any {
	v := any(1)
	for range levels {
		v = []any{v}
	}
	return v
}

// The same operation by the query protocol.
func TestQueryOfAnOperation(t *testing.T) {
	at, m := serveMonitor(t)
	form := func(period string) string {
		return url.Values{
			"Action": {"GetMetricStatistics"}, "Version": {"2010-08-01"}, "Namespace": {"AWS/AppRunner"}, "MetricName": {"Requests"}, "Period": {period},
			"Statistics.member.1": {"Sum"}, "Statistics.member.2": {"Average"}, "Tomorrow.x": {"unknown"},
			"Dimensions.member.1.Name": {"ServiceName"}, "Dimensions.member.1.Value": {"web"},
			"StartTime": {"2026-11-18T10:26:40Z"}, "EndTime": {"2026-11-18T11:36:40.25+01:00"},
		}.Encode()
	}
	status, header, body := query(t, at, "monitoring", form("60"))
	want := wantAsked(60)
	want.StartTime.Time = time.Date(2026, 11, 18, 10, 26, 40, 0, time.UTC)
	want.EndTime.Time = time.Date(2026, 11, 18, 10, 36, 40, 250e6, time.UTC)
	if diff := cmp.Diff(want, m.asked); diff != "" {
		t.Error(diff)
	}
	wantBody := `<GetMetricStatisticsResponse xmlns="http://monitoring.example/"><GetMetricStatisticsResult><Datapoints><member><Average>1.5</Average>` +
		`<ExtendedStatistics><entry><key>p95</key><value>2e+21</value></entry></ExtendedStatistics><Timestamp>2026-11-18T10:26:40Z</Timestamp><Unit>Percent</Unit></member></Datapoints>` +
		`<Label>Requests</Label></GetMetricStatisticsResult><ResponseMetadata><RequestId>` + header.Get("X-Amzn-Requestid") + `</RequestId></ResponseMetadata></GetMetricStatisticsResponse>`
	if status != 200 || body != wantBody {
		t.Errorf("answer = %d\n%s\nwant\n%s", status, body, wantBody)
	}
	for form, says := range map[string]string{
		form("7"):   "<Code>InvalidParameterCombination</Code><Message>not &lt;7&gt;</Message>",
		form("8"):   "<Type>Receiver</Type><Code>InternalServiceError</Code>",
		form("six"): "<Code>MalformedInput</Code><Message>The parameter &#34;Period&#34; must be a number.</Message>",
		"Action=GetMetricStatistics&Version=2010-08-01&Namespace=x": "<Code>InvalidParameterValue</Code><Message>4 validation errors",
		"Action=ListMetrics&Version=2010-08-01":                     "<Code>AccessDenied</Code>",
	} {
		if status, _, body := query(t, at, "monitoring", form); status < 400 || !strings.Contains(body, says) {
			t.Errorf("%s\n%d %s", form, status, body)
		}
	}
}

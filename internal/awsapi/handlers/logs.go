package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	logsapi "github.com/slipway-run/slipway/internal/awsapi/logs"
	"github.com/slipway-run/slipway/internal/logs"
)

// LogArchive keeps log groups and how long they are kept.
type LogArchive interface {
	logs.Archive
	Retention(group string) (time.Duration, error)
	// SetRetention takes 0 days for as long as is kept what nobody set anything for.
	SetRetention(group string, days int) error
}

// LogGroup is a log group that there is.
type LogGroup struct {
	Name    string
	Created time.Time
}

// Logs answers the operations of CloudWatch Logs.
type Logs struct {
	Archive LogArchive
	// Groups returns the log groups of a Region.
	Groups   func(ctx context.Context, here apprunner.Place) ([]LogGroup, error)
	Account  string
	TokenKey []byte // signs page tokens
}

var _ logsapi.Handlers = (*Logs)(nil)

const day = 24 * time.Hour

// retentionDays are the periods that a group may be kept for.
//
// Source: PutRetentionPolicy, Amazon CloudWatch Logs API Reference.
var retentionDays = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func badParameter(format string, args ...any) error {
	return awsapi.Errorf(http.StatusBadRequest, "InvalidParameterException", format, args...)
}

func noGroup() error {
	return awsapi.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
}

func noStream() error {
	return awsapi.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "The specified log stream does not exist.")
}

// refused turns what the archive says into an answer.
func refused(err error) error {
	switch {
	case errors.Is(err, logs.ErrNotFound):
		return noGroup()
	case errors.Is(err, logs.ErrToken):
		return badParameter("The specified nextToken is invalid.")
	default:
		return err
	}
}

func (h *Logs) here(ctx context.Context) apprunner.Place {
	return apprunner.Place{Account: h.Account, Region: region(ctx)}
}

// LogGroupARN is the ARN of a log group.
func LogGroupARN(here apprunner.Place, group string) string {
	return "arn:aws:logs:" + here.Region + ":" + here.Account + ":log-group:" + group
}

// GroupName takes the name of a log group, or its ARN, with or without the star at its end.
func GroupName(identifier string) string {
	if parts := strings.SplitN(identifier, ":", 8); len(parts) >= 7 && parts[0] == "arn" {
		return parts[6]
	}
	return identifier
}

// group is the name of the group that a call is about, which has to be there, in the Region of the call.
func (h *Logs) group(ctx context.Context, name, identifier *string) (string, error) {
	if (name == nil) == (identifier == nil) {
		return "", badParameter("Exactly one of logGroupName and logGroupIdentifier has to be given.")
	}
	wanted := cmp.Or(text(name), GroupName(text(identifier)))
	all, err := h.Groups(ctx, h.here(ctx))
	if err == nil && !slices.ContainsFunc(all, func(g LogGroup) bool { return g.Name == wanted }) {
		err = noGroup()
	}
	return wanted, err
}

// pageAfter returns at most limit items after the one that a token names.
func (h *Logs) pageAfter(n int, key func(int) string, limit int, token *string, scope string) (first, end int, next *string, err error) {
	seal := &Handlers{TokenKey: h.TokenKey}
	if text(token) != "" {
		last, err := seal.openToken(*token, scope)
		if err != nil {
			return 0, 0, nil, badParameter("The specified nextToken is invalid.")
		}
		for first < n && key(first) != last {
			first++
		}
		first = min(first+1, n)
	}
	if end = min(first+limit, n); end < n {
		next = new(seal.sealToken(key(end-1), scope))
	}
	return first, end, next, nil
}

const describePage = 50

// DescribeLogGroups lists log groups by name.
func (h *Logs) DescribeLogGroups(ctx context.Context, in *logsapi.DescribeLogGroupsInput) (*logsapi.DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, badParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	all, err := h.Groups(ctx, h.here(ctx))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(g LogGroup) bool { return !wantsGroup(in, g.Name) })
	slices.SortFunc(all, func(a, b LogGroup) int { return cmp.Compare(a.Name, b.Name) })
	key := func(i int) string { return all[i].Name }
	first, end, next, err := h.pageAfter(len(all), key, orDefault(in.Limit, describePage), in.NextToken,
		scope("DescribeLogGroups", h.here(ctx), text(in.LogGroupNamePrefix), text(in.LogGroupNamePattern), in.LogGroupIdentifiers))
	if err != nil {
		return nil, err
	}
	out := &logsapi.DescribeLogGroupsOutput{LogGroups: []logsapi.LogGroup{}, NextToken: next}
	for _, g := range all[first:end] {
		shown, err := h.describe(ctx, g)
		if errors.Is(err, logs.ErrNotFound) { // deleted meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		out.LogGroups = append(out.LogGroups, shown)
	}
	return out, nil
}

func wantsGroup(in *logsapi.DescribeLogGroupsInput, name string) bool {
	named := len(in.LogGroupIdentifiers) == 0
	for _, id := range in.LogGroupIdentifiers {
		named = named || GroupName(id) == name
	}
	standard := text(in.LogGroupClass) == "" || *in.LogGroupClass == logsapi.LogGroupClassStandard
	pattern := strings.ToLower(text(in.LogGroupNamePattern)) // of which case does not matter
	return named && standard && strings.HasPrefix(name, text(in.LogGroupNamePrefix)) && strings.Contains(strings.ToLower(name), pattern)
}

func (h *Logs) describe(ctx context.Context, g LogGroup) (out logsapi.LogGroup, err error) {
	streams, err := h.Archive.Describe(ctx, g.Name)
	if err != nil {
		return out, err
	}
	kept, err := h.Archive.Retention(g.Name)
	if err != nil {
		return out, err
	}
	bytes := int64(0)
	for _, s := range streams {
		bytes += s.Bytes()
	}
	arn := LogGroupARN(h.here(ctx), g.Name)
	return logsapi.LogGroup{
		LogGroupName: &g.Name, LogGroupArn: &arn, Arn: new(arn + ":*"), CreationTime: new(g.Created.UnixMilli()),
		StoredBytes: &bytes, RetentionInDays: new(int32(max(1, kept/day))), MetricFilterCount: new(int32(0)), LogGroupClass: new(logsapi.LogGroupClassStandard),
	}, nil
}

// DescribeLogStreams lists the streams of a group, by name or by their last events.
func (h *Logs) DescribeLogStreams(ctx context.Context, in *logsapi.DescribeLogStreamsInput) (*logsapi.DescribeLogStreamsOutput, error) {
	group, err := h.group(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := text(in.OrderBy) == string(logsapi.OrderByLastEventTime)
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, badParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	all, err := h.Archive.Describe(ctx, group)
	if err != nil {
		return nil, refused(err)
	}
	all = slices.DeleteFunc(all, func(s logs.Stream) bool { return !strings.HasPrefix(s.Name, text(in.LogStreamNamePrefix)) })
	if byTime {
		slices.SortStableFunc(all, func(a, b logs.Stream) int { return a.Last().Compare(b.Last()) })
	}
	if awsapi.Deref(in.Descending) {
		slices.Reverse(all)
	}
	key := func(i int) string { return all[i].Name }
	first, end, next, err := h.pageAfter(len(all), key, orDefault(in.Limit, describePage), in.NextToken,
		scope("DescribeLogStreams", h.here(ctx), group, byTime, awsapi.Deref(in.Descending), text(in.LogStreamNamePrefix)))
	if err != nil {
		return nil, err
	}
	out := &logsapi.DescribeLogStreamsOutput{LogStreams: []logsapi.LogStream{}, NextToken: next}
	for _, s := range all[first:end] {
		shown := logsapi.LogStream{
			LogStreamName: &s.Name, Arn: new(LogGroupARN(h.here(ctx), group) + ":log-stream:" + s.Name),
			CreationTime: millis(s.Created), StoredBytes: new(int64(0)),
		}
		if len(s.Parts) > 0 {
			shown.FirstEventTimestamp, shown.LastEventTimestamp, shown.LastIngestionTime = millis(s.First()), millis(s.Last()), millis(s.Last())
		}
		out.LogStreams = append(out.LogStreams, shown)
	}
	return out, nil
}

// millis are milliseconds since 1970, nil for no time.
func millis(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.UnixMilli())
}

func fromMillis(ms *int64) (t time.Time) {
	if ms != nil {
		t = time.UnixMilli(*ms)
	}
	return t
}

// message is the text of an event. CloudWatch has no empty ones: an empty line is a space.
func message(e logs.Event) *string { return new(cmp.Or(e.Text, " ")) }

// GetLogEvents returns events of one stream: the newest, unless startFromHead asks for the oldest.
func (h *Logs) GetLogEvents(ctx context.Context, in *logsapi.GetLogEventsInput) (*logsapi.GetLogEventsOutput, error) {
	group, err := h.group(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if _, err := h.streams(ctx, group, []string{*in.LogStreamName}, ""); err != nil {
		return nil, err
	}
	page, err := logs.Events(ctx, h.Archive, logs.Query{
		Group: group, Stream: *in.LogStreamName, From: fromMillis(in.StartTime), To: fromMillis(in.EndTime),
		Limit: orDefault(in.Limit, logs.MaxEvents), FromHead: awsapi.Deref(in.StartFromHead), Token: text(in.NextToken),
	})
	if err != nil {
		return nil, refused(err)
	}
	out := &logsapi.GetLogEventsOutput{Events: []logsapi.OutputLogEvent{}, NextForwardToken: &page.Forward, NextBackwardToken: &page.Backward}
	for _, e := range page.Events {
		out.Events = append(out.Events, logsapi.OutputLogEvent{Timestamp: millis(e.Time), IngestionTime: millis(e.Time), Message: message(e)})
	}
	return out, nil
}

package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"

	logsapi "github.com/slipway-run/slipway/internal/awsapi/logs"
	"github.com/slipway-run/slipway/internal/logs"
	"github.com/slipway-run/slipway/internal/logs/pattern"
)

// streams returns the streams of a group with certain names, which have to be there, or whose names begin
// so.
func (h *Logs) streams(ctx context.Context, group string, names []string, prefix string) ([]logs.Stream, error) {
	all, err := h.Archive.Describe(ctx, group)
	if err != nil {
		return nil, refused(err)
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s logs.Stream) bool { return s.Name == name }) {
			return nil, noStream()
		}
	}
	return slices.DeleteFunc(all, func(s logs.Stream) bool {
		return len(names) > 0 && !slices.Contains(names, s.Name) || !strings.HasPrefix(s.Name, prefix)
	}), nil
}

// FilterLogEvents returns the events of a group that match a pattern, oldest first. As in CloudWatch
// Logs, a page may have few events or none, and a token to go on with.
func (h *Logs) FilterLogEvents(ctx context.Context, in *logsapi.FilterLogEventsInput) (*logsapi.FilterLogEventsOutput, error) {
	if in.LogStreamNames != nil && in.LogStreamNamePrefix != nil {
		return nil, badParameter("logStreamNames and logStreamNamePrefix cannot both be given.")
	}
	group, err := h.group(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	wanted, err := pattern.Parse(text(in.FilterPattern))
	if fault, ok := errors.AsType[*pattern.Error](err); ok {
		return nil, badParameter("%s", fault)
	}
	if err != nil {
		return nil, err
	}
	streams, err := h.streams(ctx, group, in.LogStreamNames, text(in.LogStreamNamePrefix))
	if err != nil {
		return nil, err
	}
	search := logs.Search{
		Group: group, Streams: streams, From: fromMillis(in.StartTime), To: fromMillis(in.EndTime),
		Pattern: wanted, Limit: orDefault(in.Limit, logs.MaxEvents), Token: text(in.NextToken),
	}
	if in.EndTime != nil { // what has this time is in it, unlike in GetLogEvents
		search.To = fromMillis(new(*in.EndTime + 1))
	}
	found, err := logs.Find(ctx, h.Archive, search)
	if err != nil {
		return nil, refused(err)
	}
	out := &logsapi.FilterLogEventsOutput{Events: []logsapi.FilteredLogEvent{}, SearchedLogStreams: []logsapi.SearchedLogStream{}, NextToken: filled(found.Token)}
	for _, e := range found.Events {
		out.Events = append(out.Events, logsapi.FilteredLogEvent{
			EventId: new(e.ID()), LogStreamName: new(e.Stream), Timestamp: millis(e.Time), IngestionTime: millis(e.Time), Message: message(e),
		})
	}
	return out, nil
}

// PutRetentionPolicy sets how long a group is kept.
func (h *Logs) PutRetentionPolicy(ctx context.Context, in *logsapi.PutRetentionPolicyInput) (*logsapi.PutRetentionPolicyOutput, error) {
	if !slices.Contains(retentionDays, *in.RetentionInDays) {
		return nil, badParameter("Invalid retentionInDays %d. It has to be one of %v.", *in.RetentionInDays, retentionDays)
	}
	return &logsapi.PutRetentionPolicyOutput{}, h.keep(ctx, in.LogGroupName, int(*in.RetentionInDays))
}

// DeleteRetentionPolicy has a group kept for as long as the configuration says.
func (h *Logs) DeleteRetentionPolicy(ctx context.Context, in *logsapi.DeleteRetentionPolicyInput) (*logsapi.DeleteRetentionPolicyOutput, error) {
	return &logsapi.DeleteRetentionPolicyOutput{}, h.keep(ctx, in.LogGroupName, 0)
}

func (h *Logs) keep(ctx context.Context, name *string, days int) error {
	group, err := h.group(ctx, name, nil)
	if err != nil {
		return err
	}
	return refused(h.Archive.SetRetention(group, days))
}

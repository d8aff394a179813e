package conformance

import (
	"maps"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
)

// tagSteps use what the others left. The key is what is tagged.
var tagSteps = []step{
	{"TagResource/new keys and old ones", func(t *testing.T, c *goClient) {
		for _, key := range []string{"shop", "busy/2"} {
			c.tag(t, c.arns[key], "team", "blue", "stage", "test")
			c.tag(t, c.arns[key], "stage", "live", "empty", "")
		}
	}},
	{"TagResource/a key that is reserved", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "aws:")(c.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: c.arns["shop"], Tags: []types.Tag{{Key: new("aws:x"), Value: new("y")}}}))
	}},
	{"TagResource/no such resource", func(t *testing.T, c *goClient) {
		refused[notFound](t, "")(c.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: new(missingService), Tags: []types.Tag{{Key: new("x"), Value: new("y")}}}))
	}},
	{"ListTagsForResource/what was set last", func(t *testing.T, c *goClient) {
		for _, key := range []string{"shop", "busy/2"} {
			c.wantTags(t, c.arns[key], map[string]string{"team": "blue", "stage": "live", "empty": ""})
		}
		c.wantTags(t, c.arns["least"], map[string]string{})
	}},
	{"ListTagsForResource/no such resource", func(t *testing.T, c *goClient) {
		refused[notFound](t, "")(c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: new(missingService)}))
	}},
	{"UntagResource/also a key that is not there", func(t *testing.T, c *goClient) {
		must[sdk.UntagResourceOutput](t)(c.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: c.arns["shop"], TagKeys: []string{"team", "never-there"}}))
		c.wantTags(t, c.arns["shop"], map[string]string{"stage": "live", "empty": ""})
	}},
	{"UntagResource/no such resource", func(t *testing.T, c *goClient) {
		refused[notFound](t, "")(c.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: new(missingService), TagKeys: []string{"x"}}))
	}},
}

const missingService = "arn:aws:apprunner:us-east-1:000000000000:service/nothing/00000000000000000000000000000000"

func (c *goClient) tag(t *testing.T, arn *string, pairs ...string) {
	t.Helper()
	var tags []types.Tag
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	must[sdk.TagResourceOutput](t)(c.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: tags}))
}

func (c *goClient) wantTags(t *testing.T, arn *string, want map[string]string) {
	t.Helper()
	out := must[sdk.ListTagsForResourceOutput](t)(c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn}))
	got := map[string]string{}
	for _, tag := range out.Tags {
		got[*tag.Key] = *tag.Value
	}
	if !maps.Equal(got, want) {
		t.Errorf("the tags of %s are %q, want %q", *arn, got, want)
	}
}

package runtimes

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// SiteFile is the name of a site's catalogue in the data directory.
const SiteFile = "runtimes.yaml"

// siteHead begins a file that Slipway writes. Whoever edits the file keeps what is in it.
const siteHead = `The images of managed runtimes on this site, before the public ones. "slipway runtimes build" writes
what it builds here; the rest is yours. "public-images: false" has builds use nothing else.`

// Record returns the text of a site's catalogue with images for a runtime, in place of those with the
// same version. What else is in the text stays, with its comments. The text is valid, or empty.
func Record(site []byte, runtime string, images Images) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(site, &document); err != nil {
		return nil, fmt.Errorf("read the catalogue of this site: %w", err)
	}
	if document.Kind == 0 || document.Content[0].Kind != yaml.MappingNode { // nothing, or a comment
		document = yaml.Node{Kind: yaml.DocumentNode, HeadComment: siteHead, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	list := child(child(document.Content[0], "runtimes", yaml.MappingNode), runtime, yaml.SequenceNode)
	entry := &yaml.Node{}
	if err := entry.Encode(recorded{images.Version, images.Build, images.Run, images.Note}); err != nil {
		return nil, err
	}
	for i, old := range list.Content {
		if was, _ := parseImages(old); was.Version == images.Version {
			list.Content[i] = entry
			return checked(&document)
		}
	}
	list.Content = append(list.Content, entry)
	return checked(&document)
}

// checked is the text of a catalogue, which must be one: a broken one would stop every build.
func checked(document *yaml.Node) ([]byte, error) {
	text, err := yaml.Marshal(document)
	if err == nil {
		_, err = Parse("the new text", text)
	}
	if err != nil {
		return nil, fmt.Errorf("change the catalogue of this site: %w. Write it anew, without anchors and tags", err)
	}
	return text, nil
}

type recorded struct {
	Version string `yaml:"version"`
	Build   string `yaml:"build"`
	Run     string `yaml:"run"`
	Note    string `yaml:"note,omitempty"`
}

// child returns the value of a key of a mapping, which it adds when it is not there.
func child(mapping *yaml.Node, key string, kind yaml.Kind) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if value := mapping.Content[i+1]; mapping.Content[i].Value == key {
			if value.Kind != kind { // "runtimes:" without anything
				*value = yaml.Node{Kind: kind}
			}
			return value
		}
	}
	value := &yaml.Node{Kind: kind}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	return value
}

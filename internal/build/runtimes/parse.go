package runtimes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/distribution/reference"
	"gopkg.in/yaml.v3"
)

// File is a catalogue as a file has it.
type File struct {
	// WithoutPublic has builds use nothing but what the file names: for a site without the Internet.
	WithoutPublic bool
	Runtimes      map[string][]Images
}

// written is the form of the file. Versions are read as the text that they are in the file: as a
// number, 3.10 would be 3.1.
type written struct {
	PublicImages *bool     `yaml:"public-images,omitempty"`
	Runtimes     yaml.Node `yaml:"runtimes"`
}

type writtenImages struct {
	Version yaml.Node `yaml:"version"`
	Build   string    `yaml:"build"`
	Run     string    `yaml:"run"`
	Note    string    `yaml:"note"`
}

// Parse reads a catalogue. Name is how errors speak of it; they name the line too, and all that is
// wrong at once.
func Parse(name string, data []byte) (File, error) {
	var w written
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&w); err != nil && !errors.Is(err, io.EOF) {
		return File{}, fmt.Errorf("%s: %w. It has \"runtimes\", with a list of version, build and run for each runtime, and \"public-images\"", name, err)
	}
	f := File{WithoutPublic: w.PublicImages != nil && !*w.PublicImages, Runtimes: map[string][]Images{}}
	var errs []error
	if w.Runtimes.Kind != 0 && w.Runtimes.Kind != yaml.MappingNode && w.Runtimes.Tag != "!!null" {
		return File{}, fmt.Errorf("%s, line %d: runtimes must have the names of runtimes, each with a list of version, build and run", name, w.Runtimes.Line)
	}
	for i := 0; i+1 < len(w.Runtimes.Content); i += 2 {
		key, node := w.Runtimes.Content[i], w.Runtimes.Content[i+1]
		runtime := key.Value
		wrong := func(line int, format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s, line %d: %s: %s", name, line, runtime, fmt.Sprintf(format, args...)))
		}
		if _, ok := Find(runtime); !ok {
			wrong(key.Line, "there is no such runtime%s", did(Nearest(runtime)))
			continue
		}
		if _, twice := f.Runtimes[runtime]; twice {
			wrong(key.Line, "it is there twice: put both lists together")
			continue
		}
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		if node.Kind != yaml.SequenceNode {
			wrong(node.Line, "its value must be a list with one entry for each version, each with version, build and run")
			continue
		}
		f.Runtimes[runtime] = nil
		for _, entry := range node.Content {
			images, problem := parseImages(entry)
			switch {
			case problem != "":
				wrong(entry.Line, "%s", problem)
			case slices.ContainsFunc(f.Runtimes[runtime], func(i Images) bool { return i.Version == images.Version }):
				wrong(entry.Line, "version %s is there twice: remove one", images.Version)
			default:
				f.Runtimes[runtime] = append(f.Runtimes[runtime], images)
			}
		}
	}
	return f, errors.Join(errs...)
}

func did(nearest string) string {
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", nearest)
}

// parseImages reads one entry; problem says what is wrong with it.
func parseImages(entry *yaml.Node) (images Images, problem string) {
	var w writtenImages
	if err := entry.Decode(&w); err != nil {
		return Images{}, "an entry has version, build, run and note, each with a text: " + err.Error()
	}
	if known := []string{"version", "build", "run", "note"}; entry.Kind == yaml.MappingNode {
		for i := 0; i < len(entry.Content); i += 2 {
			if key := entry.Content[i].Value; !slices.Contains(known, key) {
				return Images{}, fmt.Sprintf("there is no setting %q: an entry has version, build, run and note", key)
			}
		}
	}
	if !lockForm.MatchString(w.Version.Value) {
		return Images{}, fmt.Sprintf("version %q is not numbers with dots between them, such as 3.11.14", w.Version.Value)
	}
	if w.Build == "" {
		return Images{}, "build is missing: the reference of the image with compilers and package managers"
	}
	if w.Run == "" {
		w.Run = w.Build
	}
	for _, each := range [][2]string{{"build", w.Build}, {"run", w.Run}} {
		if _, err := reference.ParseNormalizedNamed(each[1]); err != nil {
			return Images{}, fmt.Sprintf("%s %q is not the reference of an image, such as registry.example/python:3.11 (%v)", each[0], each[1], err)
		}
	}
	return Images{Version: w.Version.Value, Build: w.Build, Run: w.Run, Note: w.Note}, ""
}

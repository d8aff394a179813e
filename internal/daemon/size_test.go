package daemon

import (
	"testing"

	"gopkg.in/yaml.v3"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{
		"1GiB": 1 << 30, "512 MiB": 512 << 20, "64KiB": 64 << 10, "2TiB": 2 << 40, "1048576": 1 << 20, "0": 0,
		"1GB": -1, "GiB": -1, "-1GiB": -1, "1.5GiB": -1, "9999999999TiB": -1, "": -1, "[1]": -1,
	} {
		var got Size
		err := yaml.Unmarshal([]byte(text), &got)
		if want < 0 && err == nil && text != "" || want >= 0 && (err != nil || got != want) {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

package detect

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// folder is a source directory.
type folder struct {
	tree      fs.FS
	available func(runtime string) bool
}

// maxRead of a file is enough to find out what it is.
const maxRead = 256 << 10

// read returns the text of a file, "" for one that is not there.
func (f folder) read(name string) string {
	file, err := f.tree.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close()
	data, _ := io.ReadAll(io.LimitReader(file, maxRead))
	return strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
}

// word returns the first word of a file, such as a version, "" for none.
func (f folder) word(name string) string {
	if words := strings.Fields(f.read(name)); len(words) > 0 {
		return words[0]
	}
	return ""
}

func (f folder) has(name string) bool {
	info, err := fs.Stat(f.tree, name)
	return err == nil && info.Mode().IsRegular()
}

// first returns the first of the files that is there, "" for none.
func (f folder) first(names ...string) string {
	if i := slices.IndexFunc(names, f.has); i >= 0 {
		return names[i]
	}
	return ""
}

// files returns those of a directory that match a pattern, sorted.
func (f folder) files(pattern string) []string {
	entries, _ := fs.ReadDir(f.tree, path.Dir(pattern))
	var all []string
	for _, e := range entries {
		name := path.Join(path.Dir(pattern), e.Name())
		if ok, _ := path.Match(path.Base(pattern), e.Name()); ok && f.has(name) {
			all = append(all, name)
		}
	}
	return all
}

// folders returns the directories in a directory, sorted.
func (f folder) folders(dir string) []string {
	entries, _ := fs.ReadDir(f.tree, dir)
	var all []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			all = append(all, path.Join(dir, e.Name()))
		}
	}
	return all
}

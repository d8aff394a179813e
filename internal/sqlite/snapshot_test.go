package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// A copy that is made while others write is a database as of one moment.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, filepath.Join(dir, "slipway.db"))
	create(t, store, "first")
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				create(t, store, fmt.Sprintf("more-%d", i))
			}
		}
	})
	file := filepath.Join(dir, "copy.db")
	err := store.Snapshot(t.Context(), file)
	close(stop)
	writing.Wait()
	if err != nil {
		t.Fatal(err)
	}
	services, err := open(t, file).Services(t.Context(), here.Region)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range services {
		names[s.Name] = true
	}
	if !names["first"] {
		t.Errorf("the copy has %v", names)
	}
	for i := range len(names) - 1 {
		if name := fmt.Sprintf("more-%d", i); !names[name] {
			t.Errorf("the copy has %d services and not %s", len(names), name)
		}
	}
	if err := store.Snapshot(t.Context(), file); err == nil {
		t.Error("a file that is there was replaced")
	}
}

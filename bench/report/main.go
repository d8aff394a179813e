// Command report puts what the measurements wrote to a directory into one table, as Markdown, and draws
// requests per second as a picture.
//
//	report DIRECTORY PICTURE
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// measured is the file of one measurement.
type measured struct {
	Machine    map[string]any       `json:"machine"`
	Numbers    map[string]float64   `json:"numbers"`
	Contenders map[string]contender `json:"contenders"` // of the router alone
}

type contender struct {
	Rate    float64 `json:"requests_per_second"`
	Beside  float64 `json:"rate_beside_nginx"`
	Slipway float64 `json:"rate_of_slipway_beside"`
	Added50 float64 `json:"added_p50_ms"`
	Added99 float64 `json:"added_p99_ms"`
	Version string  `json:"version"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: report DIRECTORY PICTURE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(dir, picture string) error {
	router, err := read(dir, "router")
	if err != nil {
		return err
	}
	fmt.Println(machine(router.Machine))
	fmt.Println()
	fmt.Print(rates(router.Contenders))
	fmt.Println()
	fmt.Print("| what | Slipway | beside | to beat |\n|---|---|---|---|\n")
	for _, r := range rows {
		m, err := read(dir, r.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // not measured this time
		}
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %s | %s | %s |\n", r.what, fill(r.slipway, m.Numbers), fill(r.beside, m.Numbers), r.wanted)
	}
	return os.WriteFile(picture, []byte(draw(router.Contenders)), 0o644)
}

func read(dir, name string) (m measured, err error) {
	data, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read what %s measured: %w", name, err)
	}
	return m, nil
}

func machine(m map[string]any) string {
	return fmt.Sprintf("%v processors (%v), kernel %v, %v; %s.",
		m["processors"], m["processor"], m["kernel"], m["go"], load(m["load_at_end"]))
}

// load says in words what the file of the kernel begins with: how many threads ran or wanted to, on average.
func load(loadavg any) string {
	text, _ := loadavg.(string)
	averages := strings.Fields(text)
	if len(averages) < 3 {
		return "the load at the end of the first table is not known"
	}
	return fmt.Sprintf("load at the end of the first table %s over one minute, %s over five and %s over fifteen",
		averages[0], averages[1], averages[2])
}

// fill replaces every {name} by the number of that name.
func fill(text string, numbers map[string]float64) string {
	for name, n := range numbers {
		text = strings.ReplaceAll(text, "{"+name+"}", short(n))
	}
	return text
}

// short writes a number with three digits that count.
func short(n float64) string {
	switch {
	case n >= 100 || n == float64(int(n)):
		return fmt.Sprintf("%.0f", n)
	case n >= 10:
		return fmt.Sprintf("%.1f", n)
	default:
		return fmt.Sprintf("%.2f", n)
	}
}

package apprunner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sizes lists the memory, in MiB, that App Runner allows for each number of CPU units.
var sizes = map[int][]int{
	256:  {512, 1024},
	512:  {1024},
	1024: {2048, 3072, 4096},
	2048: {4096, 6144},
	4096: {8192, 10240, 12288},
}

// ParseInstance reads CPU and memory in either form ("1024" or "1 vCPU", "2048" or "2 GB"). An
// empty string stands for the default. The pair must be one that App Runner offers.
func ParseInstance(cpu, memory, role string) (InstanceConfiguration, error) {
	units, err := parseSize(cpu, " vCPU", 1024)
	if err != nil {
		return InstanceConfiguration{}, Errorf(InvalidRequest, "Cpu %q is not a number of units or of vCPU: %v", cpu, err)
	}
	mib, err := parseSize(memory, " GB", 2048)
	if err != nil {
		return InstanceConfiguration{}, Errorf(InvalidRequest, "Memory %q is not a number of MB or of GB: %v", memory, err)
	}
	if !slices.Contains(sizes[units], mib) {
		return InstanceConfiguration{}, Errorf(InvalidRequest,
			"Cpu %s with Memory %s is not a supported combination. Supported: %s.", cpuText(units), memoryText(mib), allSizes())
	}
	return InstanceConfiguration{CPU: units, Memory: mib, Role: role}, nil
}

// parseSize reads "512", or a number with the suffix that stands for 1024 of it.
func parseSize(s, suffix string, fallback int) (int, error) {
	if s == "" {
		return fallback, nil
	}
	if n, ok := strings.CutSuffix(s, suffix); ok {
		f, err := strconv.ParseFloat(n, 64)
		return int(f * 1024), err
	}
	return strconv.Atoi(s)
}

func allSizes() string {
	var pairs []string
	for _, units := range []int{256, 512, 1024, 2048, 4096} {
		for _, mib := range sizes[units] {
			pairs = append(pairs, cpuText(units)+" with "+memoryText(mib))
		}
	}
	return strings.Join(pairs, ", ")
}

func cpuText(units int) string  { return fmt.Sprintf("%g vCPU", float64(units)/1024) }
func memoryText(mib int) string { return fmt.Sprintf("%g GB", float64(mib)/1024) }

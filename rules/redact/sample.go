package redact

import (
	"fmt"
	"strconv"
	"strings"
)

// Samples are written with holes, so that no file of ours holds what a scanner would take for a pushed
// secret: <an:20> is 20 letters and digits, <hex:32>, <up:16> capitals and digits 2-7, <low:8>, <num:12>, <b64:40>, <url:43>.
const (
	lettersLow = "abcdefghijklmnopqrstuvwxyz"
	lettersUp  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers    = "0123456789"
)

var sampleAlphabets = map[string]string{"an": numbers + lettersUp + lettersLow, "hex": "0123456789abcdef", "HEX": "0123456789ABCDEF", "up": lettersUp + "234567", "UP": lettersUp + numbers,
	"low": lettersLow + numbers, "abc": lettersLow, "num": numbers, "b64": numbers + lettersUp + lettersLow + "+/", "url": numbers + lettersUp + lettersLow + "-_", "b32": lettersUp + "234567"}

// fill expands the holes of a sample with a fixed pseudo-random sequence.
func fill(sample string) (string, error) {
	var out strings.Builder
	seed := uint64(0x2545F4914F6CDD1D)
	for {
		i := strings.IndexByte(sample, '<')
		if i < 0 {
			out.WriteString(sample)
			return out.String(), nil
		}
		out.WriteString(sample[:i])
		end := strings.IndexByte(sample[i:], '>')
		if end < 0 {
			return "", fmt.Errorf("sample %q has an open hole", sample)
		}
		kind, count, _ := strings.Cut(sample[i+1:i+end], ":")
		alphabet := sampleAlphabets[kind]
		n, err := strconv.Atoi(count)
		if alphabet == "" || err != nil || n < 1 {
			return "", fmt.Errorf("sample %q has a hole of no known kind", sample)
		}
		for range n {
			seed ^= seed << 13
			seed ^= seed >> 7
			seed ^= seed << 17
			out.WriteByte(alphabet[(seed>>33)%uint64(len(alphabet))])
		}
		sample = sample[i+end+1:]
	}
}

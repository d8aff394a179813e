package remote

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// limitCommands reads the list that a push begins with, and the options after it, so that Git is never
// given lists that take all memory, and returns all of the push.
func limitCommands(r io.Reader) (io.Reader, error) {
	var list bytes.Buffer
	options, err := readList(&list, r)
	if err == nil && options {
		_, err = readList(&list, r)
	}
	return io.MultiReader(&list, r), err
}

// readList reads lines, each after its length in four hexadecimal digits, up to the length 0000. It
// reports whether a line says, after a zero, that options follow.
func readList(list *bytes.Buffer, r io.Reader) (options bool, err error) {
	for {
		if _, err := io.CopyN(list, r, 4); err != nil {
			return false, fmt.Errorf("the list of branches is cut off: %w", err)
		}
		digits := string(list.Bytes()[list.Len()-4:])
		length, err := strconv.ParseUint(digits, 16, 16)
		switch {
		case err != nil || length > 0 && length < 4:
			return false, fmt.Errorf("the list of branches has a line of length %q", digits)
		case length == 0:
			return options, nil
		case list.Len() > maxRequest:
			return false, fmt.Errorf("the list of branches has more than %d bytes: push fewer at once", maxRequest)
		}
		begin := list.Len()
		if _, err := io.CopyN(list, r, int64(length)-4); err != nil {
			return false, fmt.Errorf("the list of branches is cut off: %w", err)
		}
		_, abilities, _ := bytes.Cut(list.Bytes()[begin:], []byte{0})
		options = options || bytes.Contains(abilities, []byte("push-options"))
	}
}

package apprunner

import (
	"crypto/rand"
	"encoding/hex"
)

// NewID makes an identifier of a service, an operation, a revision or an instance: 32 lowercase
// hexadecimal digits, as App Runner's own are.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// NewSubdomain makes the first label of a service's URL: ten letters and digits. It begins with a
// letter, so that it is never taken for a number.
func NewSubdomain() string {
	const letters, all = "abcdefghijkmnpqrstuvwxyz", "abcdefghijkmnpqrstuvwxyz23456789" // 32 in all: no bias
	var b [10]byte
	_, _ = rand.Read(b[:])
	for i := range b {
		b[i] = all[int(b[i])%len(all)]
	}
	if b[0] <= '9' {
		b[0] = letters[b[1]%byte(len(letters))]
	}
	return string(b[:])
}

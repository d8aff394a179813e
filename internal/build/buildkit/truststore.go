package buildkit

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync"

	"software.sslmate.com/src/go-pkcs12"
)

// trustStores remembers the last one: to make it takes longer than to read its source.
var trustStores struct {
	sync.Mutex
	of   [32]byte
	data []byte
}

// javaTrustStore makes of a file of certificates what Java reads. It is in the old encryption, which
// every Java still in use knows, and holds nothing that is secret.
func javaTrustStore(bundle []byte) ([]byte, error) {
	trustStores.Lock()
	defer trustStores.Unlock()
	sum := sha256.Sum256(bundle)
	if trustStores.data != nil && trustStores.of == sum {
		return trustStores.data, nil
	}
	data, err := pkcs12.LegacyDES.EncodeTrustStore(certificates(bundle), storePassword)
	if err != nil {
		return nil, fmt.Errorf("make a trust store for Java: %w", err)
	}
	trustStores.of, trustStores.data = sum, data
	return data, nil
}

// certificates reads what it can: a bundle may have certificates that Go finds wrong and others use.
func certificates(bundle []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for rest := bytes.TrimSpace(bundle); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		if cert, err := x509.ParseCertificate(block.Bytes); block.Type == "CERTIFICATE" && err == nil {
			all = append(all, cert)
		}
	}
}

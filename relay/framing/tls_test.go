package framing_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"destring/relay/framing"
)

// A tls.Conn must bear a read that times out in the middle of a record, for the wait for
// continuation lines ends so all the time.
func TestATLSConnectionLivesOnBehindATimeOut(t *testing.T) {
	config := selfSigned(t)
	synctest.Test(t, func(t *testing.T) {
		clientEnd, serverEnd := net.Pipe()
		server := tls.Server(serverEnd, config)
		client := tls.Client(&dripping{clientEnd}, &tls.Config{InsecureSkipVerify: true})
		go func() { // ends with the stream
			for _, message := range []string{"<13>a\n", "<13>b\n", "<13>c\n  d\n"} {
				_, _ = io.WriteString(client, message)
				time.Sleep(time.Second)
			}
			_ = client.CloseWrite()
			_, _ = io.Copy(io.Discard, client)
		}()
		r := framing.NewReader(server, framing.Options{})
		for _, want := range []string{"<13>a", "<13>b", "<13>c\n  d"} {
			if f, err := r.Next(); err != nil || string(f.Bytes) != want {
				t.Fatalf("got %q, %v, want %q", f.Bytes, err, want)
			}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("ended with %v", err)
		}
		_ = server.Close()
		_ = clientEnd.Close()
	})
}

// dripping writes each record in two halves, 150 ms apart.
type dripping struct{ net.Conn }

func (d *dripping) Write(b []byte) (int, error) {
	half := len(b) / 2
	n, err := d.Conn.Write(b[:half])
	if err != nil {
		return n, err
	}
	time.Sleep(150 * time.Millisecond)
	m, err := d.Conn.Write(b[half:])
	return n + m, err
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, SessionTicketsDisabled: true}
}

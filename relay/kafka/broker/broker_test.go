package broker

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestABrokerKeepsItsTopicsInItsFolder(t *testing.T) {
	dir := t.TempDir() + "/data"
	b, err := Start(Config{Dir: dir, Topics: []Topic{{Name: "logs", Partitions: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	port := b.Port()
	b.Close()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info, err)
	}
	b, err = Start(Config{Dir: dir, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if n := len(b.PartitionInfos("logs")); n != 3 {
		t.Errorf("the topic has %d partitions after a restart", n)
	}
	if b.Port() != port {
		t.Errorf("the port is %d, was %d", b.Port(), port)
	}
}

func TestAPortInUseIsAnError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = Start(Config{Port: ln.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
}

func TestItListensOnLoopbackOnly(t *testing.T) {
	b, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if !strings.HasPrefix(b.Addr(), "127.0.0.1:") {
		t.Errorf("it listens on %s", b.Addr())
	}
	c, err := net.DialTimeout("tcp", b.Addr(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

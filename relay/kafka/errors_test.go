package kafka

import (
	"log/slog"
	"strings"
	"testing"
)

func TestALogInJSONShowsTheNameOfAFailure(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Warn("kafka: delivery fails", "class", aclRefused)
	if !strings.Contains(b.String(), `"class":"acl"`) {
		t.Errorf("%s", b.String())
	}
}

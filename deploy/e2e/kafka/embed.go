package kafka

import _ "embed"

// pom pins the versions of the jars.
//
//go:embed pom.xml
var pom []byte

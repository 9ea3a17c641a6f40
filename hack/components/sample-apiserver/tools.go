//go:build tools

// Package sampleapiserver names the program that ../build builds from this module's pinned dependencies.
package sampleapiserver

import _ "k8s.io/sample-apiserver"

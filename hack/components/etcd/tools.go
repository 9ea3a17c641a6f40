//go:build tools

// Package etcd names the program that ../build builds from this module's pinned dependencies.
package etcd

import _ "go.etcd.io/etcd/server/v3"

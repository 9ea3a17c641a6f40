//go:build tools

// Package capv names the program that ../build builds from this module's pinned dependencies.
package capv

import _ "sigs.k8s.io/cluster-api-provider-vsphere"

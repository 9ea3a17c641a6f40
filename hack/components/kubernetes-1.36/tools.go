//go:build tools

// Package kubernetes names the programs that ../build builds from this module's pinned dependencies.
package kubernetes

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
)

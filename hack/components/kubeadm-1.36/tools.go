//go:build tools

// Package kubeadm names the program that ../build builds from this module's pinned dependencies.
package kubeadm

import (
	_ "k8s.io/kubernetes/cmd/kubeadm"
)

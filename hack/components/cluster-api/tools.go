//go:build tools

// Package clusterapi names the programs that ../build builds from this module's pinned dependencies.
package clusterapi

import (
	_ "sigs.k8s.io/cluster-api/bootstrap/kubeadm"
	_ "sigs.k8s.io/cluster-api/controlplane/kubeadm"
	_ "sigs.k8s.io/cluster-api/core"
)

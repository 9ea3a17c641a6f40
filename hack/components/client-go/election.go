package main

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// elect lets two candidates lead one after the other.
func elect(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	var seen []string
	for _, candidate := range []string{"first", "second"} {
		running, stop := context.WithCancel(ctx)
		led := make(chan struct{})
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: "election"},
				Client:     clients.CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: candidate},
			},
			LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 100 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { close(led) },
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			stop()
			return nil, err
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			elector.Run(running)
		}()
		select {
		case <-led:
		case <-ctx.Done():
		}
		stop()
		<-done
		lease, err := clients.CoordinationV1().Leases(namespace).Get(ctx, "election", metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		seen = append(seen, candidate+" held it, then "+*lease.Spec.HolderIdentity)
	}
	lease, err := clients.CoordinationV1().Leases(namespace).Get(ctx, "election", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return map[string]any{"leaders": seen, "transitions": lease.Spec.LeaseTransitions}, nil
}

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// collectGarbage deletes owners in each of the three ways, and sees what becomes of what they own.
func collectGarbage(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	seen := map[string]any{}
	policies := []metav1.DeletionPropagation{metav1.DeletePropagationForeground, metav1.DeletePropagationBackground, metav1.DeletePropagationOrphan}
	for i, policy := range policies {
		name := fmt.Sprintf("owner-%d", i)
		owner, err := clients.CoreV1().ConfigMaps(namespace).Create(ctx, configMap(name, "a", "b"), metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		blocks := true
		owned := metav1.ObjectMeta{Labels: map[string]string{"owner": name}, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "ConfigMap", Name: name, UID: owner.UID, BlockOwnerDeletion: &blocks},
		}}
		for j := range 2 {
			owned.Name = fmt.Sprintf("%s-%d", name, j)
			// Of the owner's kind: of another one, the collector may hear of them after it has looked for them.
			if _, err := clients.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: owned}, metav1.CreateOptions{}); err != nil {
				return nil, err
			}
		}
		if err := clients.CoreV1().ConfigMaps(namespace).Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &policy}); err != nil {
			return nil, err
		}
		var left []string
		err = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			owners, err := clients.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
			if err != nil || len(owners.Items) > 0 {
				return false, err
			}
			maps, err := clients.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{LabelSelector: "owner=" + name})
			if err != nil {
				return false, err
			}
			left = nil
			for _, item := range maps.Items {
				left = append(left, fmt.Sprintf("%s, owners %d", item.Name, len(item.OwnerReferences)))
			}
			slices.Sort(left)
			return policy == metav1.DeletePropagationOrphan || len(left) == 0, nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", policy, err)
		}
		seen[string(policy)] = left
	}
	return seen, nil
}

package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// applyConfigurations applies built-in kinds as two managers, takes out what one of them owns, and gives a field up.
func applyConfigurations(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	var seen steps
	one, two := metav1.ApplyOptions{FieldManager: "one"}, metav1.ApplyOptions{FieldManager: "two"}
	maps := clients.CoreV1().ConfigMaps(namespace)
	whole := corev1ac.ConfigMap("applied", namespace).WithData(map[string]string{"a": "1", "b": "2"}).WithLabels(map[string]string{"l": "1"})
	seen.add(maps.Apply(ctx, whole, one))
	seen.add(maps.Apply(ctx, whole, one))
	other := corev1ac.ConfigMap("applied", namespace).WithData(map[string]string{"b": "3", "c": "4"})
	seen.add(maps.Apply(ctx, other, two))
	force := two
	force.Force = true
	made, err := maps.Apply(ctx, other, force)
	seen.add(made, err)
	if err != nil {
		return seen, nil
	}
	mine, err := corev1ac.ExtractConfigMap(made, "one")
	seen.add(mine, err)
	seen.add(maps.Apply(ctx, corev1ac.ConfigMap("applied", namespace).WithData(map[string]string{"a": "1"}), one))
	role := rbacv1ac.Role("applied", namespace).WithRules(
		rbacv1ac.PolicyRule().WithAPIGroups("").WithResources("secrets").WithVerbs("get", "list"),
	)
	seen.add(clients.RbacV1().Roles(namespace).Apply(ctx, role, one))
	owner := metav1ac.OwnerReference().WithAPIVersion("v1").WithKind("ConfigMap").WithName("applied").WithUID(made.UID)
	account := corev1ac.ServiceAccount("applied", namespace).WithOwnerReferences(owner).WithFinalizers("example.com/held")
	seen.add(clients.CoreV1().ServiceAccounts(namespace).Apply(ctx, account, one))
	seen.add(clients.CoreV1().ServiceAccounts(namespace).Apply(ctx, corev1ac.ServiceAccount("applied", namespace), one))
	return seen, nil
}

package main

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
)

// useTyped writes built-in kinds, in protobuf as typed clients do, and reads them back.
func useTyped(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	var seen steps
	maps := clients.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, configMap("typed", "colour", "red"), metav1.CreateOptions{})
	seen.add(made, err)
	seen.add(maps.Create(ctx, configMap("typed", "colour", "red"), metav1.CreateOptions{}))
	seen.add(maps.Create(ctx, configMap("not valid", "colour", "red"), metav1.CreateOptions{}))
	seen.add(maps.Create(ctx, configMap("dry", "a", "b"), metav1.CreateOptions{DryRun: []string{"All"}}))
	made.Data["colour"] = "blue"
	made.BinaryData = map[string][]byte{"bytes": {0, 1, 255}}
	seen.add(maps.Update(ctx, made, metav1.UpdateOptions{FieldManager: "other"}))
	seen.add(maps.Update(ctx, made, metav1.UpdateOptions{}))
	seen.add(maps.Patch(ctx, "typed", types.StrategicMergePatchType, []byte(`{"data":{"size":"l"}}`), metav1.PatchOptions{}))
	seen.add(maps.Patch(ctx, "typed", types.JSONPatchType, []byte(`[{"op":"remove","path":"/data/none"}]`), metav1.PatchOptions{}))
	seen.add(maps.Get(ctx, "missing", metav1.GetOptions{}))
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		live, err := maps.Get(ctx, "typed", metav1.GetOptions{})
		if err != nil {
			return err
		}
		live.Labels = map[string]string{"stage": "test"}
		_, err = maps.Update(ctx, live, metav1.UpdateOptions{})
		return err
	})
	seen.add(nil, err)
	seen.add(maps.List(ctx, metav1.ListOptions{LabelSelector: "stage=test"}))

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "typed"}, StringData: map[string]string{"password": "hidden"}}
	seen.add(clients.CoreV1().Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{}))
	seconds, holder := int32(15), "me"
	now := metav1.NowMicro()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{GenerateName: "typed-"}, Spec: coordinationv1.LeaseSpec{
		HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &now,
	}}
	seen.add(clients.CoordinationV1().Leases(namespace).Create(ctx, lease, metav1.CreateOptions{}))
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "typed"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}},
	}}
	seen.add(clients.RbacV1().Roles(namespace).Create(ctx, role, metav1.CreateOptions{}))
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: "typed"},
		InvolvedObject: corev1.ObjectReference{Kind: "ConfigMap", APIVersion: "v1", Name: "typed", Namespace: namespace, UID: made.UID},
		Reason:         "Tested", Message: "It was tested.", Type: corev1.EventTypeNormal, Count: 1,
		Source: corev1.EventSource{Component: "client-go"}, FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(),
	}
	seen.add(clients.CoreV1().Events(namespace).Create(ctx, event, metav1.CreateOptions{}))
	uid := types.UID("00000000-0000-0000-0000-000000000000")
	seen.add(nil, maps.Delete(ctx, "typed", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}))
	seen.add(nil, maps.Delete(ctx, "typed", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &made.UID}}))
	seen.add(nil, maps.Delete(ctx, "typed", metav1.DeleteOptions{}))
	return seen, nil
}

func configMap(name, key, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{key: value}}
}

// inProtobuf is how typed clients of built-in kinds talk.
func inProtobuf(config *rest.Config) *rest.Config {
	other := rest.CopyConfig(config)
	other.ContentType = "application/vnd.kubernetes.protobuf"
	other.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return other
}

// steps is what one call after the other returned.
type steps []any

func (s *steps) add(object any, err error) {
	if err == nil {
		*s = append(*s, object)
		return
	}
	var status apierrors.APIStatus
	if is, ok := err.(apierrors.APIStatus); ok {
		status = is
		*s = append(*s, map[string]any{"refused": status.Status()})
		return
	}
	*s = append(*s, map[string]any{"failed": err.Error()})
}

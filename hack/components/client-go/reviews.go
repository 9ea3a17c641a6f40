package main

import (
	"context"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// review asks who may do what, for somebody who was given one right.
func review(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list"}},
	}}
	if _, err := clients.RbacV1().Roles(namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "ann"}},
	}
	if _, err := clients.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	asks := clients.AuthorizationV1()
	of := func(user, verb, resource string) *authorizationv1.SubjectAccessReview {
		return &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               user,
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: resource},
		}}
	}
	// A server knows of a new binding a moment later.
	err = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		answer, err := asks.SubjectAccessReviews().Create(ctx, of("ann", "get", "secrets"), metav1.CreateOptions{})
		return err == nil && answer.Status.Allowed, err
	})
	if err != nil {
		return nil, err
	}
	var seen steps
	for _, question := range [][3]string{{"ann", "get", "secrets"}, {"ann", "delete", "secrets"}, {"bob", "get", "secrets"}, {"", "get", "secrets"}} {
		seen.add(asks.SubjectAccessReviews().Create(ctx, of(question[0], question[1], question[2]), metav1.CreateOptions{}))
	}
	local := &authorizationv1.LocalSubjectAccessReview{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace},
		Spec:       of("ann", "list", "secrets").Spec,
	}
	seen.add(asks.LocalSubjectAccessReviews(namespace).Create(ctx, local, metav1.CreateOptions{}))
	ann := rest.CopyConfig(inProtobuf(config))
	ann.Impersonate = rest.ImpersonationConfig{UserName: "ann", Groups: []string{"team"}, Extra: map[string][]string{"reason": {"test"}}}
	anns, err := kubernetes.NewForConfig(ann)
	if err != nil {
		return nil, err
	}
	self := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Resource: "secrets"},
	}}
	seen.add(anns.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, self, metav1.CreateOptions{}))
	seen.add(anns.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
	seen.add(anns.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{LabelSelector: "none"}))
	seen.add(anns.CoreV1().ConfigMaps(namespace).Create(ctx, configMap("forbidden", "a", "b"), metav1.CreateOptions{}))
	seen.add(nil, anns.CoreV1().Secrets(namespace).Delete(ctx, "any", metav1.DeleteOptions{}))
	return seen, nil
}

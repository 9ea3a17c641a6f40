package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const held = "example.com/held"

// reconciler gives each Widget a Secret, a ConfigMap and a Lease, and says so in its status.
type reconciler struct {
	client.Client
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := newWidget()
	if err := r.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := object.DeepCopy()
	if !object.GetDeletionTimestamp().IsZero() {
		controllerutil.RemoveFinalizer(object, held)
		return ctrl.Result{}, client.IgnoreNotFound(r.Patch(ctx, object, client.MergeFrom(before)))
	}
	if controllerutil.AddFinalizer(object, held) {
		return ctrl.Result{}, r.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	}
	color, _, _ := unstructured.NestedString(object.Object, "spec", "color")
	owner := metav1ac.OwnerReference().WithAPIVersion("demo.example.io/v1").WithKind("Widget").
		WithName(object.GetName()).WithUID(object.GetUID()).WithController(true).WithBlockOwnerDeletion(true)
	secret := corev1ac.Secret(object.GetName(), object.GetNamespace()).WithOwnerReferences(owner).WithStringData(map[string]string{"color": color})
	settings := corev1ac.ConfigMap(object.GetName(), object.GetNamespace()).WithOwnerReferences(owner).WithData(map[string]string{"color": color})
	if err := r.Apply(ctx, secret, client.FieldOwner("reconciler"), client.ForceOwnership); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.Apply(ctx, settings, client.FieldOwner("reconciler"), client.ForceOwnership); err != nil {
		return ctrl.Result{}, err
	}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: object.GetNamespace(), Name: object.GetName()}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, lease, func() error {
		lease.Spec.HolderIdentity = &color
		return controllerutil.SetControllerReference(object, lease, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	before = object.DeepCopy()
	if err := set(object, "Running", "status", "phase"); err != nil {
		return ctrl.Result{}, err
	}
	if err := set(object, color, "status", "selector"); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.Status().Patch(ctx, object, client.MergeFrom(before))
}

// runManager runs the reconciler under leader election and lets a person use what it serves.
func runManager(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	ctrl.SetLogger(logr.Discard())
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Cache:                         cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
		Metrics:                       server.Options{BindAddress: "0"},
		HealthProbeBindAddress:        "0",
		LeaderElection:                true,
		LeaderElectionID:              "manager",
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, err
	}
	err = ctrl.NewControllerManagedBy(manager).For(newWidget()).
		Owns(&corev1.Secret{}).Owns(&corev1.ConfigMap{}).Owns(&coordinationv1.Lease{}).
		Complete(&reconciler{manager.GetClient()})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(running) }()
	defer stop()
	person, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	seen, err := useWidgets(ctx, person, manager.GetClient(), namespace)
	if err != nil {
		return nil, err
	}
	stop()
	return seen, <-ended
}

func useWidgets(ctx context.Context, person, cached client.Client, namespace string) (any, error) {
	in := client.InNamespace(namespace)
	for _, name := range []string{"managed-a", "managed-b"} {
		object := widget(name, map[string]any{"color": "red"})
		object.SetNamespace(namespace)
		if err := person.Create(ctx, object); err != nil {
			return nil, err
		}
	}
	reconciled := func(name, color string) error {
		return until(ctx, name+" is "+color, func() (bool, error) {
			object := newWidget()
			err := person.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
			now, _, _ := unstructured.NestedString(object.Object, "status", "selector")
			return now == color, err
		})
	}
	for _, name := range []string{"managed-a", "managed-b"} {
		if err := reconciled(name, "red"); err != nil {
			return nil, err
		}
	}
	object := newWidget()
	object.SetNamespace(namespace)
	object.SetName("managed-a")
	if err := person.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"color":"blue"}}`))); err != nil {
		return nil, err
	}
	if err := reconciled("managed-a", "blue"); err != nil {
		return nil, err
	}
	// What somebody takes away comes back.
	taken := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "managed-a"}}
	if err := person.Delete(ctx, taken); err != nil {
		return nil, err
	}
	err := until(ctx, "the ConfigMap is back", func() (bool, error) {
		err := person.Get(ctx, client.ObjectKeyFromObject(taken), taken)
		return err == nil, client.IgnoreNotFound(err)
	})
	if err != nil {
		return nil, err
	}
	removed := newWidget()
	removed.SetNamespace(namespace)
	removed.SetName("managed-b")
	if err := person.Delete(ctx, removed); err != nil {
		return nil, err
	}
	var left unstructured.UnstructuredList
	left.SetGroupVersionKind(newWidget().GroupVersionKind())
	err = until(ctx, "managed-b is gone", func() (bool, error) {
		err := cached.List(ctx, &left, in)
		names := map[string]bool{}
		for _, item := range left.Items {
			names[item.GetName()] = true
		}
		return !names["managed-b"] && names["managed-a"], err
	})
	if err != nil {
		return nil, err
	}
	var secret corev1.Secret
	var settings corev1.ConfigMap
	var lease coordinationv1.Lease
	key := client.ObjectKey{Namespace: namespace, Name: "managed-a"}
	for _, object := range []client.Object{&secret, &settings, &lease, object} {
		if err := person.Get(ctx, key, object); err != nil {
			return nil, err
		}
	}
	return map[string]any{"widget": object, "secret": secret, "settings": settings, "lease": lease}, nil
}

// until waits until the condition holds.
func until(ctx context.Context, what string, look func() (bool, error)) error {
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) { return look() })
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func newWidget() *unstructured.Unstructured {
	object := widget("", nil)
	delete(object.Object, "spec")
	delete(object.Object, "metadata")
	return object
}

func set(object *unstructured.Unstructured, value any, path ...string) error {
	return unstructured.SetNestedField(object.Object, value, path...)
}

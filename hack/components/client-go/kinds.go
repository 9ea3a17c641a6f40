package main

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
)

// The groups that both servers have.
var groups = []string{
	"", "authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io", "events.k8s.io", "rbac.authorization.k8s.io",
	"demo.example.io", "plain.example.io",
}

// The kinds of the core group that ours has too.
var coreKinds = []string{"ConfigMap", "Event", "Namespace", "ResourceQuota", "Secret", "ServiceAccount"}

// discover lists what the servers have, by the aggregated documents.
func discover(_ context.Context, config *rest.Config, _ string) (any, error) {
	recorded, requests := recording(config)
	client, err := discovery.NewDiscoveryClientForConfig(recorded)
	if err != nil {
		return nil, err
	}
	found, resources, err := client.ServerGroupsAndResources()
	if err != nil {
		return nil, err
	}
	var names []string
	verbs := map[string]string{}
	for _, group := range found {
		if slices.Contains(groups, group.Name) {
			names = append(names, group.Name+" "+group.PreferredVersion.GroupVersion)
		}
	}
	for _, list := range resources {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || !slices.Contains(groups, version.Group) {
			continue
		}
		for _, resource := range list.APIResources {
			if version.Group == "" && (!slices.Contains(coreKinds, resource.Kind) || resource.Name == "serviceaccounts/token") {
				continue
			}
			verbs[list.GroupVersion+" "+resource.Name] = fmt.Sprint(
				resource.Kind, resource.Namespaced, resource.Verbs, resource.ShortNames, resource.Categories)
		}
	}
	return map[string]any{"groups": names, "resources": verbs, "requests": requests()}, nil
}

// mapKinds finds kinds as kubectl and controllers do.
func mapKinds(_ context.Context, config *rest.Config, _ string) (any, error) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewShortcutExpander(
		restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client)), memory.NewMemCacheClient(client), func(string) {})
	var seen steps
	for _, kind := range []schema.GroupKind{{Kind: "Secret"}, {Group: "demo.example.io", Kind: "Widget"}, {Group: "none", Kind: "None"}} {
		mapping, err := mapper.RESTMapping(kind)
		if err != nil {
			seen.add(nil, err)
			continue
		}
		seen.add(fmt.Sprintf("%v %v %v", mapping.Resource, mapping.GroupVersionKind, mapping.Scope.Name()), nil)
	}
	for _, short := range []string{"wd", "cm", "sa"} {
		kind, err := mapper.KindFor(schema.GroupVersionResource{Resource: short})
		seen.add(kind.String(), err)
	}
	return seen, nil
}

// useDynamic changes objects of a definition and their subresources.
func useDynamic(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	finder, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(finder))
	scales, err := scale.NewForConfig(config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(finder))
	if err != nil {
		return nil, err
	}
	objects := client.Resource(widgets).Namespace(namespace)
	var seen steps
	made, err := objects.Create(ctx, widget("dynamic", map[string]any{"color": "red", "replicas": int64(2)}), metav1.CreateOptions{})
	seen.add(made, err)
	seen.add(objects.Create(ctx, widget("bad", map[string]any{"color": "pink"}), metav1.CreateOptions{}))
	if err := set(made, "Running", "status", "phase"); err != nil {
		return nil, err
	}
	seen.add(objects.UpdateStatus(ctx, made, metav1.UpdateOptions{}))
	seen.add(objects.UpdateStatus(ctx, made, metav1.UpdateOptions{}))
	size, err := scales.Scales(namespace).Get(ctx, widgets.GroupResource(), "dynamic", metav1.GetOptions{})
	seen.add(size, err)
	if err == nil {
		size.Spec.Replicas = 5
		seen.add(scales.Scales(namespace).Update(ctx, widgets.GroupResource(), size, metav1.UpdateOptions{}))
	}
	seen.add(objects.Get(ctx, "dynamic", metav1.GetOptions{}))
	seen.add(scales.Scales(namespace).Patch(ctx, widgets, "dynamic", types.MergePatchType, []byte(`{"spec":{"replicas":4}}`), metav1.PatchOptions{}))
	seen.add(objects.Get(ctx, "dynamic", metav1.GetOptions{}))
	applied := widget("dynamic", map[string]any{"color": "blue", "tags": []any{"a"}})
	seen.add(objects.Apply(ctx, "dynamic", applied, metav1.ApplyOptions{FieldManager: "one"}))
	seen.add(objects.Apply(ctx, "dynamic", applied, metav1.ApplyOptions{FieldManager: "one", Force: true}))
	status := widget("dynamic", nil)
	delete(status.Object, "spec")
	if err := set(status, "Pending", "status", "phase"); err != nil {
		return nil, err
	}
	seen.add(objects.ApplyStatus(ctx, "dynamic", status, metav1.ApplyOptions{FieldManager: "two", Force: true}))
	seen.add(objects.Get(ctx, "dynamic", metav1.GetOptions{}, "status"))
	seen.add(nil, objects.Delete(ctx, "dynamic", metav1.DeleteOptions{}))
	seen.add(objects.List(ctx, metav1.ListOptions{LabelSelector: "none"}))
	return seen, nil
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	widgets    = schema.GroupVersionResource{Group: "demo.example.io", Version: "v1", Resource: "widgets"}
)

// log keeps what an informer told of each object, in order.
type log struct {
	mutex sync.Mutex
	told  map[string][]string
	seen  chan struct{}
}

func newLog() *log {
	return &log{told: map[string][]string{}, seen: make(chan struct{}, 1)}
}

func (l *log) handler() cache.ResourceEventHandler {
	tell := func(kind string, object any) {
		if gone, is := object.(cache.DeletedFinalStateUnknown); is {
			kind, object = kind+" late", gone.Obj
		}
		name := object.(metav1.Object).GetName()
		// A controller of the server makes it at some time.
		if name == "kube-root-ca.crt" {
			return
		}
		l.mutex.Lock()
		l.told[name] = append(l.told[name], fmt.Sprintf("%s %v", kind, dataOf(object)))
		l.mutex.Unlock()
		select {
		case l.seen <- struct{}{}:
		default:
		}
	}
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, initial bool) {
			if initial {
				tell("initial", object)
			} else {
				tell("added", object)
			}
		},
		UpdateFunc: func(_, object any) { tell("updated", object) },
		DeleteFunc: func(object any) { tell("deleted", object) },
	}
}

// await waits until so much was told of an object.
func (l *log) await(ctx context.Context, name string, count int) error {
	for {
		l.mutex.Lock()
		told := len(l.told[name])
		l.mutex.Unlock()
		if told >= count {
			return nil
		}
		select {
		case <-l.seen:
		case <-ctx.Done():
			return fmt.Errorf("%s: told %d times of %d", name, told, count)
		}
	}
}

// dataOf is what of an object the scenarios change.
func dataOf(object any) any {
	switch object := object.(type) {
	case *corev1.ConfigMap:
		return object.Data
	case *unstructured.Unstructured:
		if data, found := object.Object["data"]; found {
			return data
		}
		color, _, _ := unstructured.NestedString(object.Object, "spec", "color")
		return fmt.Sprintf("%v %v", object.GetGeneration(), color)
	case metav1.Object:
		return object.GetLabels()
	}
	return nil
}

// runInformers lets typed, dynamic and metadata informers follow the same writes.
func runInformers(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	recorded, requests := recording(config)
	clients, err := kubernetes.NewForConfig(inProtobuf(recorded))
	if err != nil {
		return nil, err
	}
	writer, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	dynamics, err := dynamic.NewForConfig(recorded)
	if err != nil {
		return nil, err
	}
	metadatas, err := metadata.NewForConfig(recorded)
	if err != nil {
		return nil, err
	}
	objects := writer.CoreV1().ConfigMaps(namespace)
	if _, err := objects.Create(ctx, configMap("early", "n", "0"), metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	typed := informers.NewSharedInformerFactoryWithOptions(clients, 0, informers.WithNamespace(namespace))
	untyped := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamics, 0, namespace, nil)
	partial := metadatainformer.NewFilteredSharedInformerFactory(metadatas, 0, namespace, nil)
	all := map[string]cache.SharedIndexInformer{
		"typed":    typed.Core().V1().ConfigMaps().Informer(),
		"dynamic":  untyped.ForResource(configMaps).Informer(),
		"metadata": partial.ForResource(configMaps).Informer(),
	}
	logs := map[string]*log{}
	for kind, informer := range all {
		logs[kind] = newLog()
		handle, err := informer.AddEventHandler(logs[kind].handler())
		if err != nil {
			return nil, err
		}
		go informer.RunWithContext(running)
		if !cache.WaitForCacheSync(ctx.Done(), handle.HasSynced) {
			return nil, fmt.Errorf("%s did not sync", kind)
		}
	}
	await := func(name string, count int) error {
		for _, log := range logs {
			if err := log.await(ctx, name, count); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := objects.Create(ctx, configMap("late", "n", "1"), metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	if err := await("late", 1); err != nil {
		return nil, err
	}
	for i, patch := range []string{`{"data":{"n":"2"}}`, `{"metadata":{"labels":{"a":"b"}}}`, `{"metadata":{"labels":{"a":"b"}}}`} {
		for _, name := range []string{"early", "late"} {
			if _, err := objects.Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
				return nil, err
			}
			if err := await(name, min(i+2, 3)); err != nil {
				return nil, err
			}
		}
	}
	if err := objects.Delete(ctx, "early", metav1.DeleteOptions{}); err != nil {
		return nil, err
	}
	if err := await("early", 4); err != nil {
		return nil, err
	}
	seen := map[string]any{"requests": requests()}
	for kind, informer := range all {
		keys := informer.GetStore().ListKeys()
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == namespace+"/kube-root-ca.crt" })
		seen[kind] = map[string]any{"told": logs[kind].told, "keys": slices.Sorted(slices.Values(keys))}
	}
	return seen, nil
}

// informWidgets follows a kind of a definition through its life, with an index of its own.
func informWidgets(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	recorded, requests := recording(config)
	dynamics, err := dynamic.NewForConfig(recorded)
	if err != nil {
		return nil, err
	}
	objects := dynamics.Resource(widgets).Namespace(namespace)
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamics, 0, namespace, func(options *metav1.ListOptions) {
		options.LabelSelector = "shown"
	})
	informer := factory.ForResource(widgets).Informer()
	told := newLog()
	if _, err := informer.AddEventHandler(told.handler()); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	go informer.RunWithContext(running)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("did not sync")
	}
	for i, name := range []string{"one", "two"} {
		object := widget(name, map[string]any{"color": "red"})
		object.SetLabels(map[string]string{"shown": "yes"})
		if _, err := objects.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
		if err := told.await(ctx, name, 1); err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
	}
	// Leaves the selection, which is a deletion to who selects, and comes back.
	for i, patch := range []string{`{"spec":{"color":"blue"}}`, `{"metadata":{"labels":null}}`, `{"metadata":{"labels":{"shown":"again"}}}`} {
		if _, err := objects.Patch(ctx, "one", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			return nil, err
		}
		if err := told.await(ctx, "one", i+2); err != nil {
			return nil, err
		}
	}
	if err := objects.Delete(ctx, "two", metav1.DeleteOptions{}); err != nil {
		return nil, err
	}
	if err := told.await(ctx, "two", 2); err != nil {
		return nil, err
	}
	return map[string]any{"told": maps.Clone(told.told), "requests": requests()}, nil
}

func widget(name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": map[string]any{"name": name}, "spec": spec,
	}}
}

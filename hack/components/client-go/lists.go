package main

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
	watchtools "k8s.io/client-go/tools/watch"
)

// readPages reads a list in pieces while it changes.
func readPages(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	maps := clients.CoreV1().ConfigMaps(namespace)
	for i := range 7 {
		object := configMap(fmt.Sprintf("page-%d", i), "a", "b")
		object.Labels = map[string]string{"pages": "yes"}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
	}
	type page struct {
		Names     []string
		Remaining *int64
		More      bool
	}
	var seen []page
	options := metav1.ListOptions{LabelSelector: "pages=yes", Limit: 3}
	for {
		list, err := maps.List(ctx, options)
		if err != nil {
			return nil, err
		}
		read := page{Remaining: list.RemainingItemCount, More: list.Continue != ""}
		for _, item := range list.Items {
			read.Names = append(read.Names, item.Name)
		}
		seen = append(seen, read)
		if !read.More {
			break
		}
		// Later pages are of the same moment.
		_ = maps.Delete(ctx, "page-5", metav1.DeleteOptions{})
		options.Continue = list.Continue
	}
	var byPager []string
	err = pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		options.LabelSelector = "pages=yes"
		return maps.List(ctx, options)
	}).EachListItem(ctx, metav1.ListOptions{Limit: 2}, func(object runtime.Object) error {
		byPager = append(byPager, object.(metav1.Object).GetName())
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, broken := maps.List(ctx, metav1.ListOptions{Limit: 1, Continue: "nonsense"})
	return map[string]any{"pages": seen, "pager": byPager, "broken": reason(broken)}, nil
}

// watchAndResume watches, loses the connection, and goes on where it was.
func watchAndResume(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	maps := clients.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, configMap("watched", "n", "0"), metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	var seen []string
	see := func(events watch.Interface, count int) error {
		for range count {
			select {
			case event, open := <-events.ResultChan():
				if !open {
					seen = append(seen, "closed")
					return nil
				}
				seen = append(seen, described(event))
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	options := metav1.ListOptions{FieldSelector: "metadata.name=watched", ResourceVersion: made.ResourceVersion}
	first, err := maps.Watch(ctx, options)
	if err != nil {
		return nil, err
	}
	for _, n := range []string{"1", "2"} {
		made.Data["n"] = n
		if made, err = maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
			return nil, err
		}
	}
	if err := see(first, 2); err != nil {
		return nil, err
	}
	first.Stop()
	missed := made.ResourceVersion
	made.Data["n"] = "3"
	if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return nil, err
	}
	if err := maps.Delete(ctx, "watched", metav1.DeleteOptions{}); err != nil {
		return nil, err
	}
	resumed, err := watchtools.NewRetryWatcherWithContext(ctx, missed, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = "metadata.name=watched"
			return maps.Watch(ctx, options)
		},
	})
	if err != nil {
		return nil, err
	}
	if err := see(resumed, 2); err != nil {
		return nil, err
	}
	resumed.Stop()
	one := int64(1)
	short, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: missed, FieldSelector: "metadata.name=none", TimeoutSeconds: &one})
	if err != nil {
		return nil, err
	}
	return seen, see(short, 1)
}

// deleteAll deletes a collection, and reads metadata alone before and after.
func deleteAll(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	clients, err := kubernetes.NewForConfig(inProtobuf(config))
	if err != nil {
		return nil, err
	}
	metadatas, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	maps := clients.CoreV1().ConfigMaps(namespace)
	for i := range 5 {
		object := configMap(fmt.Sprintf("many-%d", i), "a", "b")
		object.Labels = map[string]string{"delete": fmt.Sprint(i < 3)}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
	}
	var seen steps
	all := metadatas.Resource(configMaps).Namespace(namespace)
	with := metav1.ListOptions{LabelSelector: "delete"}
	seen.add(all.List(ctx, with))
	seen.add(nil, maps.DeleteCollection(ctx, metav1.DeleteOptions{DryRun: []string{"All"}}, with))
	seen.add(nil, maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "delete=true"}))
	seen.add(all.List(ctx, with))
	seen.add(all.Get(ctx, "many-4", metav1.GetOptions{}))
	seen.add(nil, all.DeleteCollection(ctx, metav1.DeleteOptions{}, with))
	seen.add(all.List(ctx, with))
	return seen, nil
}

func described(event watch.Event) string {
	object, is := event.Object.(interface {
		metav1.Object
		GetName() string
	})
	if !is {
		return fmt.Sprintf("%s %v", event.Type, reason(apierrors.FromObject(event.Object)))
	}
	return fmt.Sprintf("%s %s %v", event.Type, object.GetName(), dataOf(event.Object))
}

func reason(err error) string {
	if err == nil {
		return "none"
	}
	return fmt.Sprintf("%s: %s", apierrors.ReasonForError(err), err)
}

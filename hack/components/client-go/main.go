// client-go does with a server what controllers do, and prints what it saw, as JSON: client-go NAMESPACE SCENARIO...
//
// The namespace is made. The same scenarios print the same with every server that a Kubernetes client can't tell from another.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is the longest for one scenario.
const patience = time.Minute

// scenario does something in the namespace and returns what it saw.
type scenario func(ctx context.Context, config *rest.Config, namespace string) (any, error)

var scenarios = map[string]scenario{
	"discovery": discover,
	"typed":     useTyped,
	"pages":     readPages,
	"watch":     watchAndResume,
	"informers": runInformers,
	"widgets":   informWidgets,
	"reviews":   review,
	"election":  elect,
	"manager":   runManager,
	"deletion":  deleteAll,
	"garbage":   collectGarbage,
	"mapping":   mapKinds,
	"apply":     applyConfigurations,
	"dynamic":   useDynamic,
}

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(namespace string, names []string) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.UserAgent = "client-go/1.0"
	config.QPS, config.Burst = 1000, 1000
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := clients.CoreV1().Namespaces().Create(context.Background(), made, metav1.CreateOptions{}); err != nil {
		return err
	}
	seen := map[string]any{}
	for _, name := range names {
		does, known := scenarios[name]
		if !known {
			return errors.New("no scenario " + name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		saw, err := does(ctx, config, namespace)
		cancel()
		if err != nil {
			saw = map[string]any{"failed": err.Error()}
		}
		seen[name] = saw
	}
	return json.NewEncoder(os.Stdout).Encode(seen)
}

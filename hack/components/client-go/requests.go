package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
)

// recording returns a configuration that writes down what is asked and how that is answered, and what it has written down: each
// once, in order, without what differs from run to run.
func recording(config *rest.Config) (*rest.Config, func() []string) {
	var mutex sync.Mutex
	asked := map[string]bool{}
	other := rest.CopyConfig(config)
	other.Wrap(func(transport http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := transport.RoundTrip(request)
			if err == nil {
				mutex.Lock()
				defer mutex.Unlock()
				asked[line(request, response)] = true
			}
			return response, err
		})
	})
	return other, func() []string {
		mutex.Lock()
		defer mutex.Unlock()
		var lines []string
		for line := range asked {
			lines = append(lines, line)
		}
		slices.Sort(lines)
		return lines
	}
}

func line(request *http.Request, response *http.Response) string {
	var options []string
	for name, values := range request.URL.Query() {
		value := strings.Join(values, ",")
		if strings.HasPrefix(name, "timeout") || name == "resourceVersion" && value != "" && value != "0" {
			value = "N"
		}
		options = append(options, name+"="+value)
	}
	slices.Sort(options)
	return fmt.Sprintf("%s %s?%s: %d", request.Method, request.URL.Path, strings.Join(options, "&"), response.StatusCode)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

"""Does with a server what people do with the Python client, and prints what it saw, as JSON: client.py NAMESPACE SCENARIO...

The namespace is made.
"""

import base64
import json
import sys
import tempfile

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

WIDGETS = ("demo.example.io", "v1")


def main(namespace, scenarios):
    api = config.new_client_from_config()
    client.CoreV1Api(api).create_namespace({"metadata": {"name": namespace}})
    json.dump({name: SCENARIOS[name](Steps(api), api, namespace) for name in scenarios}, sys.stdout)


class Steps(list):
    """What one call after the other returned, or how it was refused."""

    def __init__(self, api):
        super().__init__()
        self.api = api

    def add(self, call, *arguments, **options):
        try:
            answer = call(*arguments, **options)
        except ApiException as refused:
            self.append({"status": refused.status, "reason": refused.reason, "body": readable(refused.body)})
            return None
        if hasattr(answer, "to_dict") and isinstance(answer, dynamic.resource.ResourceInstance):
            self.append(answer.to_dict())
        else:
            self.append(self.api.sanitize_for_serialization(answer))
        return answer


def readable(body):
    try:
        return json.loads(body)
    except ValueError:
        return str(body)


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"app": "python"}), data=data)


def core(seen, api, namespace):
    """Built-in kinds by their typed classes."""
    core = client.CoreV1Api(api)
    made = seen.add(core.create_namespaced_config_map, namespace, config_map("one", colour="red"))
    seen.add(core.create_namespaced_config_map, namespace, config_map("one"))
    seen.add(core.create_namespaced_config_map, namespace, {"metadata": {"name": "two"}, "dat": {}}, field_validation="Strict")
    seen.add(core.create_namespaced_config_map, namespace, config_map("two"), dry_run="All")
    seen.add(core.read_namespaced_config_map, "missing", namespace)
    seen.add(core.patch_namespaced_config_map, "one", namespace, {"data": {"size": "l"}})
    seen.add(core.patch_namespaced_config_map, "one", namespace, [{"op": "remove", "path": "/data/size"}])
    made.data["colour"] = "blue"
    seen.add(core.replace_namespaced_config_map, "one", namespace, made)
    made.metadata.resource_version = None
    seen.add(core.replace_namespaced_config_map, "one", namespace, made)
    seen.add(core.create_namespaced_config_map, namespace, config_map("two", n="2"))
    first = seen.add(core.list_namespaced_config_map, namespace, label_selector="app=python", limit=1)
    # A token is another one each time.
    more = core.list_namespaced_config_map(namespace, label_selector="app=python", limit=1, _continue=first.metadata._continue)
    seen.append([item.metadata.name for item in more.items])
    secret = client.V1Secret(metadata=client.V1ObjectMeta(generate_name="made-"), string_data={"password": "hidden"})
    secret = seen.add(core.create_namespaced_secret, namespace, secret)
    seen.append(base64.b64decode(secret.data["password"]).decode())
    seen.add(core.delete_namespaced_config_map, "one", namespace, propagation_policy="Background")
    seen.add(core.delete_collection_namespaced_config_map, namespace, label_selector="app=python")
    seen.append([item.metadata.name for item in core.list_namespaced_config_map(namespace, label_selector="app").items])
    return seen


def watching(seen, api, namespace):
    """A watch that is left and resumed where it was."""
    core = client.CoreV1Api(api)
    core.create_namespaced_config_map(namespace, config_map("watched", n="0"))
    since = core.list_namespaced_config_map(namespace).metadata.resource_version
    for n in ("1", "2", "3"):
        core.patch_namespaced_config_map("watched", namespace, {"data": {"n": n}})
    core.delete_namespaced_config_map("watched", namespace)

    def events(count, **options):
        watcher = watch.Watch()
        stream = watcher.stream(core.list_namespaced_config_map, namespace, label_selector="app=python", timeout_seconds=30, **options)
        for event in stream:
            seen.append([event["type"], event["object"].metadata.name, event["object"].data])
            count -= 1
            if not count:
                watcher.stop()
        return watcher.resource_version

    after = events(2, resource_version=since)
    events(2, resource_version=after)
    seen.append(sum(1 for _ in watch.Watch().stream(core.list_namespaced_secret, namespace, timeout_seconds=1, label_selector="none")))
    seen.add(core.list_namespaced_config_map, namespace, resource_version="1000000000000", resource_version_match="Exact")
    return seen


def custom(seen, api, namespace):
    """A kind of a definition, as plain dictionaries."""
    custom, kind = client.CustomObjectsApi(api), (*WIDGETS, namespace, "widgets")
    widget = {"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"replicas": 2, "color": "red"}}
    seen.add(custom.create_namespaced_custom_object, *kind, widget)
    seen.add(custom.create_namespaced_custom_object, *kind, widget)
    seen.add(custom.create_namespaced_custom_object, *kind, {**widget, "spec": {"color": "pink"}})
    seen.add(custom.get_namespaced_custom_object, *kind, "one")
    seen.add(custom.get_namespaced_custom_object, *kind, "missing")
    seen.add(custom.patch_namespaced_custom_object, *kind, "one", {"spec": {"color": "blue"}})
    seen.add(custom.patch_namespaced_custom_object, *kind, "one", [{"op": "replace", "path": "/spec/color", "value": "green"}])
    seen.add(custom.patch_namespaced_custom_object_status, *kind, "one", {"status": {"phase": "Running"}})
    seen.add(custom.get_namespaced_custom_object_scale, *kind, "one")
    seen.add(custom.patch_namespaced_custom_object_scale, *kind, "one", {"spec": {"replicas": 5}})
    live = seen.add(custom.get_namespaced_custom_object_status, *kind, "one")
    live["spec"]["replicas"] = 7
    seen.add(custom.replace_namespaced_custom_object, *kind, "one", live)
    seen.add(custom.replace_namespaced_custom_object, *kind, "one", live)
    seen.add(custom.list_namespaced_custom_object, *kind)
    seen.add(custom.list_cluster_custom_object, *WIDGETS, "widgets", label_selector="none")
    seen.add(custom.delete_namespaced_custom_object, *kind, "one")
    seen.add(custom.delete_namespaced_custom_object, *kind, "one")
    return seen


def dynamics(seen, api, namespace):
    """Kinds that are found by discovery."""
    with tempfile.NamedTemporaryFile() as cache:
        found = dynamic.DynamicClient(api, cache_file=cache.name + ".json")
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    widgets = found.resources.get(api_version="demo.example.io/v1", kind="Widget")
    seen.append([[kind.name, kind.namespaced, sorted(kind.verbs), sorted(kind.subresources)] for kind in (maps, widgets)])
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dynamic"}, "data": {"a": "1"}}
    seen.add(maps.server_side_apply, body=body, name="dynamic", namespace=namespace, field_manager="python")
    body["data"]["a"] = "2"
    seen.add(maps.server_side_apply, body=body, name="dynamic", namespace=namespace, field_manager="other")
    seen.add(maps.server_side_apply, body=body, name="dynamic", namespace=namespace, field_manager="other", force_conflicts=True)
    widget = {"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "dynamic"}, "spec": {"color": "red"}}
    made = seen.add(widgets.create, body=widget, namespace=namespace)
    seen.add(widgets.patch, body={"spec": {"color": "blue"}}, name="dynamic", namespace=namespace, content_type="application/merge-patch+json")
    seen.add(widgets.patch, body={"spec": {"color": "blue"}}, name="dynamic", namespace=namespace)
    seen.add(widgets.delete, name="dynamic", namespace=namespace)
    events = widgets.watch(namespace=namespace, resource_version=made.metadata.resourceVersion, timeout=30)
    for _, event in zip(range(2), events):
        seen.append([event["type"], event["object"].spec.color])
    seen.add(widgets.get, name="dynamic", namespace=namespace)
    return seen


SCENARIOS = {"core": core, "watch": watching, "custom": custom, "dynamic": dynamics}
main(sys.argv[1], sys.argv[2:])

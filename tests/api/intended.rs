//! Every difference that is meant, with its reason.

use crate::compare::intended::{Intended, meant};

const NO_PROTOBUF: &str =
    "messages list the forms that a server has, and ours writes no protobuf: clients that prefer it also take JSON";
const YAML_WORDS: &str = "our YAML parser has words of its own, and names a repeated field by its path where kube-apiserver's names the line";
const GO_TYPE: &str = "kube-apiserver names the Go type that it decodes into; ours says the same without it";
const OTHER_KINDS: &str = "of a body of another kind, kube-apiserver tells kinds that it has from those that it does not, and names the place in \
                            its source; ours knows only what it serves";
const FRESH_NODE: &str = "a fresh node is tainted until the node lifecycle controller finds it ready; there is none here, so nobody would \
                          take the taint away";
const UNRUN_PODS: &str = "pods are kept and shown, and nothing runs them: what admission adds for the scheduler and the kubelet is left \
                          out, any field may change, and none waits for its end";
const BAD_DIRECTIVE: &str = "a patch with bad directives is the client's mistake (400); kube-apiserver answers 500";
const UNHELD_NAMESPACE: &str =
    "what nothing holds is gone with the first DELETE; of a namespace kube-apiserver wants two";
const UNOWNED_REVIEW: &str = "a review is answered and not kept, so nobody owns its fields";
const BAD_REVISION: &str = "a resourceVersion that is no number is the client's mistake (400); kube-apiserver answers 500, as it forgets \
                            to say so";
const OWN_BUILD: &str = "/version describes each server's own build";
const OWN_TEXT: &str = "descriptions are written anew, not copied";
const OWN_PARSER: &str =
    "which address or name is wrong is the same; why, is told in the words of the library that parses it";
const METADATA_DEFAULT: &str =
    "metadata of custom resources is described as that of built-in kinds, which is empty by default";
const WHOLE_ITEMS: &str =
    "items of lists carry apiVersion and kind, as get and watch show them: all three share the same bytes";

const OTHER_FIELDS: &str = "of an object with a field that only another version has, kube-apiserver can't tell who changed what: it \
                            records no owners of an update, and answers an apply with 500";
const NO_PROTOBUF_DOCUMENT: &str =
    "what is described is what is written: ours reads protobuf of built-in kinds and writes none";
const SCALE_WORDS: &str = "kube-apiserver refuses a wrong Scale of a custom resource in words about itself, as the scheme in which it looks \
                           for the kind has none; ours says what is wrong, as both do for built-in kinds";
const SCALE_APPLY: &str = "kube-apiserver can't apply a Scale to a custom resource: it converts the result as if it were the custom \
                           resource, and answers 500 whenever there is something to write; ours applies it, as both do for built-in kinds";
const PATCHED_ORDER: &str = "the patched object is shown with its fields in alphabetical order; kube-apiserver shows those of the Go type first";

/// Of a request's line, where it travelled through the aggregator.
const AGGREGATED: &str = "(through kube-apiserver's aggregator)";

pub(crate) const INTENDED: &[Intended] = &[
    meant(
        "*",
        AGGREGATED,
        "header.cache-control",
        "kube-apiserver's aggregator says it of its own, and adds what the server behind it says: the same twice",
    ),
    meant(
        "create/labels and annotations",
        AGGREGATED,
        "header.vary",
        "kube-apiserver asks the server behind it for gzip whatever its client takes, and passes on what that says of a long answer",
    ),
    meant(
        "rights/with a role",
        AGGREGATED,
        "status",
        "kube-apiserver can't know that an apply will create something; the server behind it asks once more, which the library of this test \
         does not, while our program does: `tests/aggregated/identity.rs`",
    ),
    meant("*", "", "body.compiler", OWN_BUILD),
    meant("*", "", "body.git*", OWN_BUILD),
    meant("*", "", "body.goVersion", OWN_BUILD),
    meant(
        "discovery/documents",
        "events.k8s.io",
        "body.resources[0].storageVersionHash",
        "the hash names the version in which a kind is stored: ours stores events as events.k8s.io/v1, kube-apiserver as v1",
    ),
    meant("discovery/aggregated", "", "body.message", NO_PROTOBUF),
    meant("negotiation/accept", "", "body.message", NO_PROTOBUF),
    meant("negotiation/content type", "$widgets", "body.message", NO_PROTOBUF),
    meant("negotiation/content type", "configmaps", "body.message", NO_PROTOBUF),
    meant("delete/options", "$widgets/b", "body.message", NO_PROTOBUF),
    meant("table/widgets", "", "body.message", NO_PROTOBUF),
    meant("watch/forms", "", "body.message", NO_PROTOBUF),
    meant("negotiation/partial metadata", "", "body.message", GO_TYPE),
    meant("errors/bodies", "", "body.message", GO_TYPE),
    meant("delete/options", "$widgets/a", "body.message", GO_TYPE),
    meant("errors/query", "resourceVersion=abc", "status", BAD_REVISION),
    meant("watch/*", "resourceVersion=abc", "status", BAD_REVISION),
    meant("watch/options", "resourceVersion=-1", "status", BAD_REVISION),
    meant("create/unknown fields", "", "header.warning[0]", YAML_WORDS),
    meant("create/unknown fields", "Strict", "body.message", YAML_WORDS),
    meant("apply/refusals", "", "header.warning[0]", YAML_WORDS),
    meant("apply/refusals", "", "body.message", YAML_WORDS),
    meant(
        "list/pages",
        "labelSelector",
        "body.metadata.continue",
        "ours looks ahead for another match, and spares the client an empty last page",
    ),
    meant(
        "list/revisions",
        "timeout=1s",
        "*",
        "when a request's own timeout ends it, kube-apiserver sends a Status without kind as plain text; ours sends it whole",
    ),
    meant("*", "", "body.items[*].apiVersion", WHOLE_ITEMS),
    meant("*", "", "body.items[*].kind", WHOLE_ITEMS),
    meant(
        "watch/built-in",
        "",
        "body[*].object.s*",
        "a bookmark has nothing but its revision; kube-apiserver's of a built-in kind shows the empty fields of its Go type",
    ),
    meant("discovery/forms", "", "body.message", NO_PROTOBUF),
    meant(
        "discovery/forms",
        "",
        "body.details",
        "kube-apiserver's router refuses some paths before their handlers do, in words of its own and with empty details",
    ),
    meant(
        "discovery/protobuf",
        "",
        "*",
        "discovery is written in JSON and YAML: clients that prefer protobuf for it take JSON, too",
    ),
    meant(
        "discovery/ranges",
        "",
        "status",
        "application/* is JSON too; kube-apiserver's handlers say so, and its router, which refuses some paths before them, does not",
    ),
    meant("openapi/operations", "", "body.*protobuf*", NO_PROTOBUF_DOCUMENT),
    meant("scale/other bodies", "", "body.message", SCALE_WORDS),
    meant("scale/other patches", "", "body.message", PATCHED_ORDER),
    meant(
        "scale/other patches",
        "",
        "body.details.causes[0].message",
        PATCHED_ORDER,
    ),
    meant("scale/apply to custom resources", "", "status", SCALE_APPLY),
    meant(
        "scale/without version",
        "deployments",
        "status",
        "a patch that takes the version away changes nothing else, as for the Scale of a custom resource; kube-apiserver then loses \
         the name of that of a built-in kind",
    ),
    meant(
        "openapi/operations",
        "/api/v1",
        "body.delete /api/v1/namespaces/{name}.answers.*",
        "the DELETE of a namespace answers with the namespace, and is described so; kube-apiserver answers so, too, and describes a Status",
    ),
    meant(
        "scale/whole numbers",
        "",
        "status",
        "2.0 is a whole number, as JSON has but one kind of number; kube-apiserver's decoder looks at how it is written",
    ),
    meant(
        "scale/*",
        "",
        "body.columnDefinitions[*]*",
        "one table for the Scales of all kinds; kube-apiserver has two, whose columns call the form of a name and an age differently",
    ),
    meant("scale/tables", "", "body.message", GO_TYPE),
    meant("scale/deployments", "", "body.message", OTHER_KINDS),
    meant("scale/deployments", "", "body.details.causes[0].message", OTHER_KINDS),
    meant("table/v1beta1", "", "body.message", GO_TYPE),
    meant(
        "table/v1beta1",
        "GET $widgets/a",
        "status",
        "an object that is asked for as a list is the client's mistake (406), as for built-in kinds; kube-apiserver answers 500 for a custom resource",
    ),
    meant(
        "table/v1beta1",
        "scale",
        "body.columnDefinitions[*]*",
        "as for all Scales",
    ),
    meant("patch/strategic", "", "status", BAD_DIRECTIVE),
    meant("openapi/*", "", "body.*description", OWN_TEXT),
    meant("rules/openapi", "", "body.*description", OWN_TEXT),
    meant("forms/documents", "", "body.*description", OWN_TEXT),
    meant("guests/openapi", "", "body.*description", OWN_TEXT),
    meant("openapi/v3", "", "body.*.metadata.default", METADATA_DEFAULT),
    meant("rules/openapi", "", "body.*.metadata.default", METADATA_DEFAULT),
    meant("forms/documents", "", "body.*.metadata.default", METADATA_DEFAULT),
    meant("rules/libraries", "", "body.details.causes[0].message", OWN_PARSER),
    meant("rules/libraries", "", "body.message", OWN_PARSER),
    meant("guests/openapi", "", "body.*.metadata.default", METADATA_DEFAULT),
    meant(
        "guests/openapi",
        "",
        "body.*.GuestCredentialRequest",
        "a definition of a custom resource can't describe what is posted to a subresource of its own",
    ),
    meant(
        "guests/discovery",
        "",
        "body.resources[*].verbs*",
        "nobody creates a GuestCredential but the server; a definition of a custom resource can't leave a verb out",
    ),
    meant(
        "forms/documents",
        "openapi",
        "header.last-modified",
        "as for all documents",
    ),
    meant(
        "*openapi*",
        "",
        "header.last-modified",
        "a document's ETag says whether it has changed; when it was made is nobody's business, as it is made anew at each start",
    ),
    meant(
        "openapi/v3",
        "GET /openapi/v3",
        "header.*",
        "the index of documents is JSON and can be cached by its ETag, like the documents; kube-apiserver calls it text and gives it none",
    ),
    meant("*", "", "body.columnDefinitions[*].description", OWN_TEXT),
    meant(
        "table/*",
        "",
        "body[*].object.columnDefinitions[*].description",
        OWN_TEXT,
    ),
    meant("rights/reviews", "", "body.metadata.managedFields", UNOWNED_REVIEW),
    meant("access/*reviews", "", "body.metadata.managedFields", UNOWNED_REVIEW),
    meant("access/named reviews", "", "body.*message", UNOWNED_REVIEW),
    meant("workloads/*", "pods", "body.spec.tolerations*", UNRUN_PODS),
    meant("workloads/*", "pods", "body*.spec.preemptionPolicy", UNRUN_PODS),
    meant("workloads/*", "pods", "body*.spec.priority", UNRUN_PODS),
    meant("workloads/pods", "pods?", "body.items[0].spec.tolerations*", UNRUN_PODS),
    meant("workloads/pods", "pods/p?dryRun=All", "status", UNRUN_PODS),
    meant("workloads/pods", "DELETE", "body.metadata.*", UNRUN_PODS),
    meant("workloads/pods", "PATCH $core/pods/p", "status", BAD_DIRECTIVE),
    meant("workloads/services", "", "status", BAD_DIRECTIVE),
    meant("strategic/*", "", "status", BAD_DIRECTIVE),
    meant(
        "strategic/retained keys",
        "",
        "header.warning[0]",
        "a directive in what is new has nothing to do; kube-apiserver then takes it for an unknown field",
    ),
    meant(
        "workloads/service validation",
        "",
        "body*message",
        "items that repeat a key are refused by what the schema says of the list, in its words; kube-apiserver shows the port as its Go \
         struct",
    ),
    meant("decode/selves", "", "body.message", OTHER_KINDS),
    meant("access/reviews", "", "body.message", OTHER_KINDS),
    meant(
        "access/token reviews",
        "",
        "*",
        "TokenReview is not served: nobody delegates the judging of tokens to this server, whose guests judge theirs by themselves",
    ),
    meant("decode/forms", "/nodes", "body.spec.taints", FRESH_NODE),
    meant("nodes/*", "/nodes", "body.spec.taints*", FRESH_NODE),
    meant("nodes/finalize", "$ns-b", "*", UNHELD_NAMESPACE),
    meant("versions/openapi", "", "body.*description", OWN_TEXT),
    meant("versions/openapi", "", "body.*.metadata.default", METADATA_DEFAULT),
    meant("versions/*", "/shapes", "body*managedFields*", OTHER_FIELDS),
    meant("versions/owners of other fields", "v1beta1", "status", OTHER_FIELDS),
];

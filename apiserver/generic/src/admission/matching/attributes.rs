use super::super::{AdmissionRequest, Operation};

/// What rules ask about a write.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// API group, empty for core.
    pub group: &'a str,
    /// API version.
    pub version: &'a str,
    /// Plural name.
    pub resource: &'a str,
    /// Subresource, or empty.
    pub subresource: &'a str,
    /// Name of the object.
    pub name: &'a str,
    /// Namespace, or empty; a namespace is in none.
    pub namespace: &'a str,
    /// What happens.
    pub operation: Operation,
}

impl<'a> From<&'a AdmissionRequest<'_>> for Attributes<'a> {
    fn from(request: &'a AdmissionRequest<'_>) -> Attributes<'a> {
        let names = &request.resource.names;
        Attributes {
            group: &names.group,
            version: &names.version,
            resource: &names.plural,
            subresource: request.subresource,
            name: request.name,
            namespace: request.namespace,
            operation: request.operation,
        }
    }
}

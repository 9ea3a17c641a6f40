//! The kind that this server has: a Rust struct that says what a client may write, and a rule that no schema can state.

use generic_apiserver::{
    FieldError,
    registry::{Findings, Strategy, StrategyContext},
    status::Status,
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A book on the shelf.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "library.example.com",
    version = "v1",
    kind = "Book",
    plural = "books",
    shortname = "bk"
)]
#[kube(printcolumn = r#"{"name": "Title", "type": "string", "jsonPath": ".spec.title"}"#)]
#[kube(printcolumn = r#"{"name": "Copies", "type": "integer", "jsonPath": ".spec.copies"}"#)]
pub struct BookSpec {
    /// What is printed on the spine.
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    /// How many there are.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub copies: i32,
    /// Whose names are known.
    #[serde(default)]
    pub authors: Vec<String>,
}

fn one() -> i32 {
    1
}

/// An author is named once.
pub struct EachAuthorOnce;

#[async_trait::async_trait]
impl Strategy for EachAuthorOnce {
    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        let authors: Vec<_> = object["spec"]["authors"].as_array().into_iter().flatten().collect();
        let twice = (1..authors.len()).find(|&at| authors[..at].contains(&authors[at]));
        let errors = twice.map(|at| FieldError::duplicate(format!("spec.authors[{at}]"), authors[at].clone()));
        Ok(Findings {
            errors: errors.into_iter().collect(),
            warnings: Vec::new(),
        })
    }

    async fn validate_update(
        &self,
        context: &StrategyContext<'_>,
        object: &Value,
        _: &Value,
    ) -> Result<Findings, Status> {
        self.validate_create(context, object).await
    }
}

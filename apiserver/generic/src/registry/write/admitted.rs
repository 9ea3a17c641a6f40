//! Both steps of admission for a changed object. Through `/scale`, plug-ins see Scales, as webhooks do.

use serde_json::Value;

use super::{
    Part, WriteRequest,
    replicas::{set_replicas, view},
};
use crate::{
    admission::{AdmissionRequest, Kind, Operation},
    registry::{Resource, Scale},
    status::Status,
};

const SCALE: Kind<'static> = Kind {
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
};

impl Resource {
    /// Before validation: plug-ins may change the object.
    pub(super) async fn admit_update(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        part: Part,
        live: &Value,
        new: &mut Value,
    ) -> Result<(), Status> {
        let admission = self.admission_request(request, name, Operation::Update, Some(live));
        let Some(scale) = self.scaled_by(part) else {
            return self.admission.admit(&admission, Some(new)).await;
        };
        // None where the object had no replicas before.
        let old = view(self.definition(), scale, live).ok();
        let mut shown = view(self.definition(), scale, new)?;
        let asked = desired(&shown);
        let admission = AdmissionRequest {
            kind: SCALE,
            old: old.as_ref(),
            ..admission
        };
        self.admission.admit(&admission, Some(&mut shown)).await?;
        match desired(&shown) {
            admitted if admitted == asked => Ok(()),
            admitted => set_replicas(self.definition(), scale, new, admitted),
        }
    }

    /// After validation: plug-ins judge what would be stored.
    pub(super) async fn judge_update(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        part: Part,
        live: &Value,
        new: &Value,
    ) -> Result<(), Status> {
        let admission = self.admission_request(request, name, Operation::Update, Some(live));
        let Some(scale) = self.scaled_by(part) else {
            return self.admission.validate(&admission, Some(new)).await;
        };
        // None where the object had no replicas before.
        let old = view(self.definition(), scale, live).ok();
        let shown = view(self.definition(), scale, new)?;
        let admission = AdmissionRequest {
            kind: SCALE,
            old: old.as_ref(),
            ..admission
        };
        self.admission.validate(&admission, Some(&shown)).await
    }

    fn scaled_by(&self, part: Part) -> Option<&Scale> {
        self.definition().scale.as_ref().filter(|_| part == Part::Scale)
    }
}

/// A Scale leaves zero replicas out.
fn desired(scale: &Value) -> i64 {
    scale["spec"]["replicas"].as_i64().unwrap_or(0)
}

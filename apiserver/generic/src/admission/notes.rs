//! What plug-ins leave with a request: warnings for the client, annotations for the audit log, and reservations.

use parking_lot::Mutex;

use crate::{
    audit::{Annotations, AuditId},
    registry::Warnings,
};

/// Something that a plug-in set aside for a write that it let through.
pub trait Reservation: Send {
    /// The write has ended, done or not, and the watch cache shows what came of it.
    ///
    /// Of a write whose reservation is dropped without this, nobody knows whether it is done, or still will be.
    fn settled(self: Box<Self>);
}

/// What plug-ins leave with a request.
#[derive(Default)]
pub struct Notes {
    pub(crate) warnings: Warnings,
    annotations: Option<Annotations>,
    audit_id: Option<AuditId>,
    reservations: Mutex<Vec<Box<dyn Reservation>>>,
}

impl Notes {
    /// Of a request that may be under audit.
    pub(crate) fn of(annotations: Option<Annotations>, audit_id: Option<AuditId>) -> Notes {
        Notes {
            annotations,
            audit_id,
            ..Notes::default()
        }
    }

    /// The same, with warnings that the request's answer brings along in any case.
    pub(crate) fn with(self, warnings: Warnings) -> Notes {
        Notes { warnings, ..self }
    }

    /// Sends the client a `Warning` header; each text once.
    pub fn warn(&self, warning: impl Into<String>) {
        self.warnings.add(warning);
    }

    /// Adds an annotation to the request's audit events. Keys begin with the plug-in's own domain or name: `name.example.io/key`.
    /// The first value of a key stays.
    pub fn annotate(&self, key: &str, value: &str) {
        if let Some(annotations) = &self.annotations {
            annotations.add(key, value);
        }
    }

    /// The id under which the request is found in logs, this server's and those of one in front of it; none for calls within the
    /// process.
    pub fn audit_id(&self) -> Option<&str> {
        self.audit_id.as_ref()?.as_str()
    }

    /// Keeps a reservation until it is known what came of the write.
    pub fn reserve(&self, reservation: impl Reservation + 'static) {
        self.reservations.lock().push(Box::new(reservation));
    }

    /// Tells the reservations that the write has ended.
    pub(crate) fn settle(&self) {
        let reservations = std::mem::take(&mut *self.reservations.lock());
        reservations.into_iter().for_each(Reservation::settled);
    }
}

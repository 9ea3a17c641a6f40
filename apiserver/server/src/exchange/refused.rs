//! A refusal as an answer: with its code for programs, and the audit id by which administrators find the request.

use generic_apiserver::status::{FieldError, Forbidden, Status, StatusCause};
use guestcluster_types::{AUDIT_ID_CAUSE, GROUP, Refusal};

use super::KIND;

/// Nobody gets this credential.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    /// Why; of several problems with a request, the first one.
    pub(super) code: Refusal,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Answer {
    /// By the HTTP status of the code.
    Words(String),
    /// 429, with the seconds after which to try again.
    Later(String, u32),
    /// 422.
    Fields(Vec<(Refusal, FieldError)>),
    /// What another part of the server said.
    PassedOn(Status),
}

impl Refused {
    /// In words, which name no secret.
    pub(super) fn new(code: Refusal, why: impl Into<String>) -> Refused {
        Refused {
            code,
            answer: Answer::Words(why.into()),
        }
    }

    /// 429: what is asked for may be had later.
    pub(super) fn later(code: Refusal, why: impl Into<String>, seconds: u32) -> Refused {
        Refused {
            code,
            answer: Answer::Later(why.into(), seconds),
        }
    }

    /// 422: a field is wrong.
    pub(super) fn field(code: Refusal, error: FieldError) -> Refused {
        Refused {
            code,
            answer: Answer::Fields(vec![(code, error)]),
        }
    }

    /// 422 where any field is wrong.
    pub(super) fn unless_right(wrong: Vec<(Refusal, FieldError)>) -> Result<(), Refused> {
        match wrong.first() {
            None => Ok(()),
            Some((code, _)) => Err(Refused {
                code: *code,
                answer: Answer::Fields(wrong),
            }),
        }
    }

    /// In the words, and by the HTTP status, of whoever else said no.
    pub(super) fn passed_on(code: Refusal, status: Status) -> Refused {
        Refused {
            code,
            answer: Answer::PassedOn(status),
        }
    }

    /// The answer to a request for this cluster. Its causes have the codes, and the audit id where there is one; so has the message,
    /// since kubectl shows nothing else but for 422, of which it shows the causes alone.
    pub(super) fn into_status(self, cluster: &str, audit_id: Option<&str>) -> Status {
        let (mut status, mut causes) = self.answered(cluster);
        let id = audit_id.map(|id| format!("; audit ID {id}")).unwrap_or_default();
        status.message = format!("{} ({}{id})", status.message, self.code);
        let mut details = status.details.take().unwrap_or_default();
        causes.append(&mut details.causes);
        causes.extend(audit_id.map(|id| StatusCause {
            reason: AUDIT_ID_CAUSE.to_owned(),
            message: id.to_owned(),
            field: "auditID".to_owned(),
        }));
        details.causes = causes;
        status.details = Some(details);
        status
    }

    /// The answer, whose own causes stay, and the causes that have codes.
    fn answered(&self, cluster: &str) -> (Status, Vec<StatusCause>) {
        let status = match &self.answer {
            Answer::Words(why) => said(self.code, cluster, why),
            Answer::Later(why, seconds) => Status::too_many_requests(why, *seconds),
            Answer::Fields(wrong) => {
                let errors = wrong.iter().map(|(_, error)| error.clone()).collect();
                let mut status = Status::invalid(KIND, GROUP, "", errors);
                if let Some(details) = &mut status.details {
                    // Ours have codes in place of what is wrong with the field in general.
                    details.causes.clear();
                }
                let coded = |(code, error): &(Refusal, FieldError)| StatusCause {
                    reason: code.to_string(),
                    ..error.cause()
                };
                return (status, wrong.iter().map(coded).collect());
            }
            Answer::PassedOn(status) => status.clone(),
        };
        let cause = StatusCause {
            reason: self.code.to_string(),
            message: status.message.clone(),
            field: String::new(),
        };
        (status, vec![cause])
    }
}

/// What the server itself can't do at this moment, or at all.
impl From<Status> for Refused {
    fn from(status: Status) -> Refused {
        let code = match status.code {
            503 => Refusal::Unavailable,
            _ => Refusal::InternalError,
        };
        Refused::passed_on(code, status)
    }
}

fn said(code: Refusal, cluster: &str, why: &str) -> Status {
    match code.http() {
        Some(400) => Status::bad_request(why),
        Some(403) => Status::forbidden(
            Forbidden {
                group: GROUP,
                resource: "guestclusters/credential",
                name: cluster,
            },
            why,
        ),
        Some(503) => Status::service_unavailable(why),
        _ => Status::internal(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn causes(status: &Status) -> Vec<(&str, &str, &str)> {
        let causes = &status.details.as_ref().unwrap().causes;
        causes
            .iter()
            .map(|cause| (cause.reason.as_str(), cause.message.as_str(), cause.field.as_str()))
            .collect()
    }

    #[test]
    fn programs_read_the_code_and_people_the_audit_id() {
        let refused = Refused::new(Refusal::Blocked, "until tomorrow");
        let status = refused.into_status("dev", Some("id-1"));
        assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
        let words = "guestclusters/credential.guestclusters.dev \"dev\" is forbidden: until tomorrow";
        assert_eq!(status.message, format!("{words} (Blocked; audit ID id-1)"));
        assert_eq!(
            causes(&status),
            [("Blocked", words, ""), ("AuditID", "id-1", "auditID")]
        );
    }

    #[test]
    fn each_wrong_field_has_its_code() {
        let wrong = vec![
            (Refusal::ReasonRequired, FieldError::required("spec.reason", "why?")),
            (Refusal::SigningRequestInvalid, FieldError::forbidden("spec.x", "no")),
        ];
        let refused = Refused::unless_right(wrong).unwrap_err();
        assert_eq!(refused.code, Refusal::ReasonRequired);
        let status = refused.into_status("dev", None);
        assert_eq!(status.code, 422);
        assert!(status.message.ends_with("] (ReasonRequired)"), "{}", status.message);
        assert_eq!(
            causes(&status),
            [
                ("ReasonRequired", "Required value: why?", "spec.reason"),
                ("SigningRequestInvalid", "Forbidden: no", "spec.x"),
            ]
        );
        assert!(Refused::unless_right(Vec::new()).is_ok());
    }

    #[test]
    fn what_others_say_keeps_its_causes() {
        let said = Status::internal_error("webhook");
        let status = Refused::passed_on(Refusal::RecordRefused, said).into_status("dev", None);
        assert_eq!(status.code, 500);
        let words = "Internal error occurred: webhook";
        assert_eq!(causes(&status), [("RecordRefused", words, ""), ("", "webhook", "")]);
    }

    #[test]
    fn words_and_waits_have_the_status_of_the_code() {
        for code in Refusal::ALL.iter().copied() {
            let refused = match code.http() {
                Some(400 | 403 | 500 | 503) => Refused::new(code, "x"),
                Some(422) => Refused::field(code, FieldError::forbidden("spec", "x")),
                Some(429) => Refused::later(code, "x", 1),
                // The object's own, or somebody else's.
                Some(404 | 409) | None => continue,
                Some(other) => panic!("{code}: nothing answers {other}"),
            };
            assert_eq!(Some(refused.into_status("dev", None).code), code.http(), "{code}");
        }
    }
}

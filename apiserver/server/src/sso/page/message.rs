//! Pages that say what happened.

use super::{Page, escape::Escaped, page};

/// The form was open too long, or was sent already. With the request that it was for, a link begins anew.
pub(in crate::sso) fn expired(fresh_start: Option<&str>) -> Page {
    let way_on = match fresh_start {
        Some(query) => format!(
            "<p><a class=\"button\" href=\"/authorize?{}\" autofocus>Sign in again</a></p>\n\
             <p class=\"lead\">If the program that sent you here has given up waiting, start it again.</p>",
            Escaped(query)
        ),
        None => "<p class=\"lead\">Go back to the program that sent you here and start again.</p>".to_owned(),
    };
    let main = format!(
        "<h1>This page has expired</h1>\n\
         <p class=\"lead\">It can be used once, within ten minutes.</p>\n{way_on}"
    );
    page("Page expired", &main, "'none'")
}

/// The request can't be answered, and nobody can be told but the person.
pub(in crate::sso) fn refused(why: &str) -> Page {
    let main = format!(
        "<h1>You are not signed in</h1>\n<p class=\"problem\" role=\"alert\">{}</p>\n\
         <p class=\"lead\">Go back to the program that you started, and try again there.</p>",
        Escaped(why)
    );
    page("Not signed in", &main, "'none'")
}

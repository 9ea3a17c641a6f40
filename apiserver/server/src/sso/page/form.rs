//! The sign-in form.

use super::{Page, escape::Escaped, page};

/// What the form shows and carries.
pub(in crate::sso) struct Form<'a> {
    /// The supervisor's or issuer's own name, so that the person sees where the password goes.
    pub(in crate::sso) host: &'a str,
    /// Good for one submission.
    pub(in crate::sso) login: &'a str,
    /// The authorization request, to begin anew with.
    pub(in crate::sso) request: &'a str,
    pub(in crate::sso) username: &'a str,
    pub(in crate::sso) problem: Option<Problem>,
    /// Where the browser goes on to, as a policy source.
    pub(in crate::sso) redirect: &'a str,
}

/// Why the form is shown again. It never says whether the name or the password was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sso) enum Problem {
    Wrong,
    Incomplete,
    TooMany { minutes: i64 },
    Busy,
}

impl Problem {
    fn text(self) -> String {
        match self {
            Self::Wrong => "That user name and password do not belong together. Try again.".to_owned(),
            Self::Incomplete => "Enter your user name and your password.".to_owned(),
            Self::TooMany { minutes: ..=1 } => "Too many attempts. Try again in a minute.".to_owned(),
            Self::TooMany { minutes } => format!("Too many attempts. Try again in {minutes} minutes."),
            Self::Busy => "Many people are signing in at this moment. Try again.".to_owned(),
        }
    }
}

impl Form<'_> {
    /// The page.
    pub(in crate::sso) fn page(&self) -> Page {
        let (title, alert, described) = match self.problem {
            None => ("Sign in", String::new(), ""),
            Some(problem) => (
                "Not signed in",
                format!(
                    "<p class=\"problem\" id=\"problem\" role=\"alert\">{}</p>\n",
                    Escaped(&problem.text())
                ),
                " aria-describedby=\"problem\"",
            ),
        };
        // Who typed a name already goes on with the password.
        let (name_focus, password_focus) = if self.username.is_empty() {
            (" autofocus", "")
        } else {
            ("", " autofocus")
        };
        let main = format!(
            r#"<h1>Sign in</h1>
<p class="lead">A program on your computer asks <strong>{host}</strong> to sign you in. Go on only if you started it.</p>
{alert}<form method="post" action="/login">
<input type="hidden" name="login" value="{login}">
<input type="hidden" name="request" value="{request}">
<label for="username">User name</label>
<input id="username" name="username" type="text" value="{username}" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="253" placeholder="name@domain" required{described}{name_focus}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required{described}{password_focus}>
<button type="submit">Sign in</button>
</form>"#,
            host = Escaped(self.host),
            login = Escaped(self.login),
            request = Escaped(self.request),
            username = Escaped(self.username),
        );
        page(title, &main, &format!("'self' {}", self.redirect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form<'_> = Form {
        host: "127.0.0.1:6444",
        login: "one-time",
        request: "a=b&c=d",
        username: "",
        problem: None,
        redirect: "http://127.0.0.1:4000",
    };

    #[test]
    fn the_form_works_by_keyboard_and_without_scripts() {
        let page = FORM.page();
        for part in [
            r#"<label for="username">"#,
            r#"<label for="password">"#,
            r#"autocomplete="username""#,
            r#"autocomplete="current-password""#,
            r#"<button type="submit">"#,
            r#"value="a=b&amp;c=d""#,
            "not for production",
        ] {
            assert!(page.html.contains(part), "{part}");
        }
        assert!(!page.html.contains("<script") && !page.html.contains("role=\"alert\""));
        assert!(page.policy.contains("default-src 'none'") && page.policy.contains("frame-ancestors 'none'"));
        assert!(
            page.policy.contains("form-action 'self' http://127.0.0.1:4000;"),
            "{}",
            page.policy
        );
    }

    #[test]
    fn a_wrong_password_keeps_the_name_and_blames_neither() {
        let form = Form {
            username: "dev\"><script>",
            problem: Some(Problem::Wrong),
            ..FORM
        };
        let html = form.page().html;
        assert!(html.contains("dev&quot;&gt;&lt;script&gt;") && !html.contains("<script"));
        assert!(html.contains("role=\"alert\"") && html.contains("do not belong together"));
        let focused = html.lines().find(|line| line.contains(" autofocus")).unwrap();
        assert!(focused.contains("id=\"password\""));
    }
}

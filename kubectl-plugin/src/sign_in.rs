//! Signing in to a supervisor: its issuer asks the person in a browser, and the supervisor says who that is.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use kube::{Api, Client, api::PostParams};

use crate::{
    browser, clock,
    error::{Error, Result},
    https,
    openid::{Authorization, Callback, Endpoints, Grant, IdToken, Issuer, Refused, Tokens},
    output,
    session::{Record, Renew, Session, TokenStore},
    supervisor::Supervisor,
    unattended::Unattended,
};

/// How the person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In a browser on this computer.
    Browser,
    /// In a browser on any device, by a code.
    DeviceCode,
}

/// Signs in and keeps the session there. Says what it does on stderr.
pub(crate) async fn sign_in(
    supervisor: &Supervisor,
    issuer: Issuer,
    way: Way,
    store: TokenStore,
    patience: Duration,
) -> Result<(Session, UserInfo)> {
    // Told before anybody types a password.
    Session::can_be_kept(&supervisor.id()?, store)?;
    let (endpoints, time) = issuer.discover().await?;
    clock::compare(&issuer.url, time);
    let asked = async {
        match way {
            Way::Browser => in_browser(supervisor, &issuer, &endpoints, store).await,
            Way::DeviceCode => by_code(supervisor, &issuer, &endpoints, store).await,
        }
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::timed_out(format!(
            "nobody signed in within {}",
            output::age(i64::try_from(patience.as_secs()).unwrap_or(i64::MAX))
        ))
        .next("Start it again; --timeout gives more time.")),
    }
}

/// Signs a program in, which shows the token of this moment.
pub(crate) async fn unattended(supervisor: &Supervisor, how: &Unattended) -> Result<(Session, UserInfo)> {
    if let Some(what) = how.exposure() {
        eprintln!("warning: {what}: whoever reads it can sign in as well until the token ends");
    }
    let session = Session::unattended(supervisor.clone(), how).await?;
    let (token, _) = session.id_token(Renew::Current).await?;
    let user = known_as(supervisor, &token, || how.refused(supervisor.host())).await?;
    Ok((session, user))
}

async fn in_browser(
    supervisor: &Supervisor,
    issuer: &Issuer,
    endpoints: &Endpoints,
    store: TokenStore,
) -> Result<(Session, UserInfo)> {
    let callback = Callback::listen().await?;
    let request = Authorization::new(callback.redirect().to_owned());
    let url = request.url(issuer, endpoints);
    if browser::open(url.as_str()) {
        eprintln!("Opening {url} in your browser. If nothing opens, visit it yourself, or press Ctrl-C.");
    } else {
        eprintln!("Visit {url} in a browser on this computer, or press Ctrl-C.");
        if endpoints.device_authorization.is_some() {
            eprintln!("Where there is none: kubectl guest login --device-code");
        }
    }
    let finish = async |answer| {
        let code = request.code(&answer, issuer, endpoints)?;
        let tokens = match issuer.tokens(endpoints, Grant::Code(&code, &request)).await {
            Ok(tokens) => tokens,
            Err(Refused::Grant | Refused::Pending(_)) => {
                return Err(Error::failed("the issuer does not accept the answer that it gave").next("Try again."));
            }
            Err(Refused::Unreachable(error) | Refused::Other(error)) => return Err(error),
        };
        begin(supervisor, issuer, endpoints, tokens, Some(&request.nonce), store).await
    };
    callback.answer(&request.state, finish).await
}

async fn by_code(
    supervisor: &Supervisor,
    issuer: &Issuer,
    endpoints: &Endpoints,
    store: TokenStore,
) -> Result<(Session, UserInfo)> {
    let code = issuer.device_code(endpoints).await?;
    eprintln!(
        "Visit {} in a browser on any device and enter the code {}. It is good for {}.",
        code.page,
        code.user_code,
        output::age(i64::try_from(code.lifetime.as_secs()).unwrap_or(i64::MAX))
    );
    if let Some(page) = &code.page_with_code {
        eprintln!("Or visit {page} and compare the code.");
    }
    eprintln!("Whoever enters it signs in this computer: never enter a code that somebody sent you.");
    let tokens = issuer.await_device(endpoints, &code).await?;
    begin(supervisor, issuer, endpoints, tokens, None, store).await
}

/// The session that begins with these tokens, and as whom the supervisor knows the person.
async fn begin(
    supervisor: &Supervisor,
    issuer: &Issuer,
    endpoints: &Endpoints,
    tokens: Tokens,
    nonce: Option<&str>,
    store: TokenStore,
) -> Result<(Session, UserInfo)> {
    let id_token = IdToken::check(&tokens.id_token, issuer, nonce)?;
    let user = known_as(supervisor, &tokens.id_token, || {
        Error::failed(format!(
            "{} does not accept the ID tokens of this issuer",
            supervisor.host()
        ))
        .next("Check --issuer-url and --client-id with the supervisor's operator, and the clocks of both.")
    })
    .await?;
    let now = jiff::Timestamp::now();
    let record = Record::new(
        supervisor.clone(),
        issuer.clone(),
        endpoints.clone(),
        tokens,
        id_token,
        now,
    );
    Ok((Session::begin(record.kept_in(store)).await?, user))
}

/// Who a client is, as its server says.
pub(crate) async fn user(client: Client) -> std::result::Result<UserInfo, kube::Error> {
    let reviews: Api<SelfSubjectReview> = Api::all(client);
    let review = reviews
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await?;
    Ok(review.status.and_then(|status| status.user_info).unwrap_or_default())
}

async fn known_as(supervisor: &Supervisor, token: &str, refused: impl FnOnce() -> Error) -> Result<UserInfo> {
    let mut config = https::config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
    config.auth_info.token = Some(token.to_owned().into());
    match user(https::client(config)?).await {
        Ok(user) => Ok(user),
        Err(kube::Error::Api(status)) if status.code == 401 => Err(refused()),
        Err(error) => Err(supervisor.error(error)),
    }
}

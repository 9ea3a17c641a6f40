//! Signing in to a supervisor: its issuer asks the person in a browser, and the supervisor says who that is.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use kube::{Api, Client, api::PostParams};

use crate::{
    browser, clock,
    error::{Error, Result},
    https,
    openid::{Authorization, Callback, Grant, IdToken, Issuer, Refused},
    output,
    session::{Record, Session},
    supervisor::Supervisor,
};

/// Signs in and keeps the session. Says what it does on stderr.
pub(crate) async fn sign_in(
    supervisor: &Supervisor,
    issuer: Issuer,
    patience: Duration,
) -> Result<(Session, UserInfo)> {
    // Told before anybody types a password.
    Session::can_be_kept(&supervisor.id()?)?;
    let (endpoints, time) = issuer.discover().await?;
    clock::compare(&issuer.url, time);
    let callback = Callback::listen().await?;
    let request = Authorization::new(callback.redirect().to_owned());
    let url = request.url(&issuer, &endpoints);
    if browser::open(url.as_str()) {
        eprintln!("Opening {url} in your browser. If nothing opens, visit it yourself, or press Ctrl-C.");
    } else {
        eprintln!("Visit {url} in a browser on this computer, or press Ctrl-C.");
    }
    let finish = async |answer| {
        let code = request.code(&answer, &issuer, &endpoints)?;
        let tokens = match issuer.tokens(&endpoints, Grant::Code(&code, &request)).await {
            Ok(tokens) => tokens,
            Err(Refused::Grant) => {
                return Err(Error::failed("the issuer does not accept the answer that it gave").next("Try again."));
            }
            Err(Refused::Other(error)) => return Err(error),
        };
        let id_token = IdToken::check(&tokens.id_token, &issuer, Some(&request.nonce))?;
        let user = known_as(supervisor, &tokens.id_token).await?;
        let now = jiff::Timestamp::now();
        let record = Record::new(
            supervisor.clone(),
            issuer.clone(),
            endpoints.clone(),
            tokens,
            id_token,
            now,
        );
        Ok((Session::begin(record).await?, user))
    };
    match tokio::time::timeout(patience, callback.answer(&request.state, finish)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::timed_out(format!(
            "nobody signed in within {}",
            output::age(i64::try_from(patience.as_secs()).unwrap_or(i64::MAX))
        ))
        .next("Start it again; --timeout gives more time.")),
    }
}

/// Who a client is, as its server says.
pub(crate) async fn user(client: Client) -> std::result::Result<UserInfo, kube::Error> {
    let reviews: Api<SelfSubjectReview> = Api::all(client);
    let review = reviews
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await?;
    Ok(review.status.and_then(|status| status.user_info).unwrap_or_default())
}

async fn known_as(supervisor: &Supervisor, id_token: &str) -> Result<UserInfo> {
    let mut config = https::config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
    config.auth_info.token = Some(id_token.to_owned().into());
    match user(https::client(config)?).await {
        Ok(user) => Ok(user),
        Err(kube::Error::Api(status)) if status.code == 401 => Err(Error::failed(format!(
            "{} does not accept the ID tokens of this issuer",
            supervisor.host()
        ))
        .next("Check --issuer-url and --client-id with the supervisor's operator, and the clocks of both.")),
        Err(error) => Err(supervisor.error(error)),
    }
}

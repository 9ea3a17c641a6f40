//! What a kube-apiserver says of its AuthenticationConfiguration, among its metrics.

use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use kube::{Client, client::Body};

use super::connection::{Unanswered, in_time};

const IN_FORCE: &str = "apiserver_authentication_config_controller_last_config_info";
const RELOADS: &str = "apiserver_authentication_config_controller_automatic_reloads_total";
/// Bytes of the page that are read; a busy kube-apiserver's has some megabytes.
const LONGEST_PAGE: usize = 256 << 20;
/// Bytes of a line; the ones that matter are short.
const LONGEST_LINE: usize = 16 << 10;

/// What the page says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// `sha256:` and hex of the file by which it judges; none while it has none.
    pub(super) in_force: Option<String>,
    /// How often it refused a new file.
    pub(super) failures: f64,
}

/// Reads the page.
pub(super) async fn read(own: &Client) -> Result<Reading, Unanswered> {
    let request = http::Request::get("/metrics").body(Body::empty());
    let request = request.map_err(kube::Error::HttpError)?;
    in_time(async {
        let response = own.send(request).await?;
        let status = response.status();
        if !status.is_success() {
            let status = kube::core::Status::failure(status.as_str(), "Metrics").with_code(status.as_u16());
            return Err(kube::Error::Api(Box::new(status)));
        }
        collect(response.into_body()).await
    })
    .await
}

/// Goes through the page line by line, as it comes: nothing else of it is kept.
async fn collect(body: Body) -> kube::Result<Reading> {
    let (mut reading, mut line, mut seen) = (Reading::default(), Vec::new(), 0);
    let mut chunks = std::pin::pin!(body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| kube::Error::Service(error.into()))?;
        seen += chunk.len();
        if seen > LONGEST_PAGE {
            return Err(kube::Error::Service("the page of metrics does not end".into()));
        }
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            if line.len() + part.len() <= LONGEST_LINE {
                line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                reading.take(&line);
                line.clear();
            }
        }
    }
    Ok(reading)
}

impl Reading {
    fn take(&mut self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else { return };
        let Some((name, labels, value)) = sample(line) else {
            return;
        };
        match name {
            IN_FORCE if value == "1" => self.in_force = label(labels, "hash").map(str::to_owned),
            RELOADS if label(labels, "status") == Some("failure") => {
                let count = value.parse::<f64>().ok().filter(|count| count.is_finite());
                self.failures += count.unwrap_or(0.0);
            }
            _ => {}
        }
    }
}

/// Name, labels and value of a sample with labels.
fn sample(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.rsplit_once('}')?;
    Some((name, labels, value.split_whitespace().next()?))
}

/// A label's value; none of those that matter holds a comma.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        (key == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use near_inputs::near_text;
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "\
# HELP apiserver_authentication_config_controller_last_config_info [ALPHA] Information about the last applied file
# TYPE apiserver_authentication_config_controller_last_config_info gauge
apiserver_authentication_config_controller_last_config_info{apiserver_id_hash=\"sha256:aa\",hash=\"sha256:bb\"} 1
apiserver_authentication_config_controller_automatic_reloads_total{apiserver_id_hash=\"sha256:aa\",status=\"failure\"} 3
apiserver_authentication_config_controller_automatic_reloads_total{apiserver_id_hash=\"sha256:aa\",status=\"success\"} 9
apiserver_request_total{code=\"200\",verb=\"GET\"} 1e+06
";

    #[tokio::test]
    async fn a_page_says_which_file_is_in_force_and_how_many_were_refused() {
        let expected = Reading {
            in_force: Some("sha256:bb".to_owned()),
            failures: 3.0,
        };
        assert_eq!(collect(Body::from(PAGE.as_bytes().to_vec())).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_page_that_says_nothing_of_it_and_one_that_makes_no_sense_are_read_too() {
        for page in [
            "",
            "up 1\n",
            "apiserver_authentication_config_controller_last_config_info{hash=\"sha256:bb\"} 0\n",
            "apiserver_authentication_config_controller_last_config_info{hash=} 1\n",
            "apiserver_authentication_config_controller_last_config_info{",
            "}{\n",
            &"x".repeat(100_000),
        ] {
            assert_eq!(
                collect(Body::from(page.as_bytes().to_vec())).await.unwrap(),
                Reading::default(),
                "{page:.40}"
            );
        }
    }

    proptest! {
        /// Whatever the page says, the file in force is one that a line of it names in full.
        #[test]
        fn fuzz_pages_near_right_ones(page in near_text(&[PAGE], &["{", "}", "hash=\"", "\"", ",", "1\n", "status=\"failure\"", "NaN"])) {
            let mut reading = Reading::default();
            for line in page.split_inclusive('\n') {
                reading.take(line.as_bytes());
            }
            if let Some(hash) = reading.in_force {
                let named = format!("hash=\"{hash}\"");
                let is_line = |line: &str| line.starts_with(IN_FORCE) && line.contains(&named);
                prop_assert!(page.lines().any(is_line), "{}", hash);
            }
        }
    }
}

//! The members of a guest's etcd: a control-plane VM joins as a learner, and leaves before its disk goes. Asked through the
//! JSON gateway that every member has.

use kube::Client;
use serde_json::{Value, json};

use super::flags::InitialCluster;
use crate::{client::send, trouble::Trouble};

/// Members, as one of them answers.
pub(super) struct Members<'a>(pub(super) &'a Client);

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its id; the gateway writes it as text.
    id: String,
    /// Its name; empty before it has started.
    name: String,
    peer_urls: Vec<String>,
}

/// What a member says of itself.
pub(super) struct Standing {
    id: String,
    /// It has no vote yet.
    pub(super) is_learner: bool,
}

impl Members<'_> {
    /// Makes the VM known as a learner, unless it is already, and says how its etcd finds the others.
    pub(super) async fn add(&self, name: &str, peer_url: &str) -> Result<InitialCluster, Trouble> {
        let mut members = self.list().await?;
        if !members.iter().any(|member| member.is_at(peer_url)) {
            let body = json!({"peerURLs": [peer_url], "isLearner": true});
            self.ask("cluster/member/add", &body).await?;
            members = self.list().await?;
        }
        Ok(InitialCluster {
            members: initial_cluster(&members, name, peer_url),
            exists: true,
        })
    }

    /// Gives a learner its vote. Refused while it has not caught up.
    pub(super) async fn promote(&self, learner: &Standing) -> Result<(), Trouble> {
        self.ask("cluster/member/promote", &json!({"ID": learner.id}))
            .await
            .map(drop)
    }

    /// Takes the members out that are at such addresses.
    pub(super) async fn remove(&self, is_gone: impl Fn(&str) -> bool) -> Result<(), Trouble> {
        for member in self.list().await? {
            if member.peer_urls.iter().any(|url| is_gone(url)) {
                self.ask("cluster/member/remove", &json!({"ID": member.id})).await?;
            }
        }
        Ok(())
    }

    /// What the member that answers is.
    pub(super) async fn standing(&self) -> Result<Standing, Trouble> {
        let status = self.ask("maintenance/status", &json!({})).await?;
        Ok(Standing {
            id: text(&status["header"]["member_id"]),
            is_learner: status["isLearner"] == true,
        })
    }

    async fn list(&self) -> Result<Vec<Member>, Trouble> {
        let list = self.ask("cluster/member/list", &json!({})).await?;
        let members = list["members"].as_array().into_iter().flatten();
        Ok(members.map(Member::read).collect())
    }

    async fn ask(&self, method: &str, body: &Value) -> Result<Value, Trouble> {
        let answer = send(self.0, "POST", &format!("/v3/{method}"), body).await;
        answer.map_err(|error| Trouble::refused(&format!("etcd's {method}"), &error))
    }
}

impl Member {
    fn read(member: &Value) -> Self {
        let urls = member["peerURLs"].as_array().into_iter().flatten();
        Self {
            id: text(&member["ID"]),
            name: text(&member["name"]),
            peer_urls: urls.map(text).collect(),
        }
    }

    fn is_at(&self, peer_url: &str) -> bool {
        self.peer_urls.iter().any(|url| url == peer_url)
    }
}

/// `--initial-cluster` of the member at this address, which has no name yet.
fn initial_cluster(members: &[Member], name: &str, peer_url: &str) -> String {
    let named = members.iter().flat_map(|member| {
        let name = if member.is_at(peer_url) { name } else { &member.name };
        member.peer_urls.iter().map(move |url| format!("{name}={url}"))
    });
    named.collect::<Vec<_>>().join(",")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_member_finds_the_others_and_itself() {
        let list = json!([
            {"ID": "1", "name": "a", "peerURLs": ["https://127.64.0.1:2380"], "clientURLs": []},
            {"ID": "2", "peerURLs": ["https://127.64.0.2:2380"], "isLearner": true},
        ]);
        let members: Vec<_> = list.as_array().unwrap().iter().map(Member::read).collect();
        assert_eq!(
            initial_cluster(&members, "b", "https://127.64.0.2:2380"),
            "a=https://127.64.0.1:2380,b=https://127.64.0.2:2380"
        );
    }
}

//! Both majors of helm bring a chart through its life.

use parking_lot::Mutex;

use crate::{
    compare::{report::Report, servers::Ours},
    intended,
    script::Case,
    servers::Servers,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/helm");

#[test]
fn helm_shows_what_it_shows_of_a_kube_apiserver() {
    let servers = Servers::shared();
    let report = Mutex::new(Report::new("helm", "commands"));
    std::thread::scope(|scope| {
        for (helm, newest) in [("helm-3", false), ("helm-4", true)] {
            let (servers, report) = (&servers, &report);
            scope.spawn(move || {
                let case = Case {
                    name: helm,
                    ours: Ours::Library,
                    text: include_str!("helm.script"),
                    newest,
                    programs: &[("helm", helm), ("kubectl", "kubectl")],
                    manifests: FOLDER,
                };
                case.run(servers, report);
            });
        }
    });
    crate::judge(report.into_inner(), intended::HELM, true);
}

//! The host itself is what its tests rely on.

use std::time::Instant;

use guestcluster_tests::Host;

#[test]
fn it_comes_up_with_upstreams_definitions_and_its_controllers_work() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let host = Host::start(folder.path());
    println!("a host is ready after {:?}", started.elapsed());
    let admin = host.admin();
    println!("{}", admin.run("api-resources").success());
    println!("a host is ready after {:?}", started.elapsed());
    admin.run("create namespace shop").success();
    admin.run("delete namespace shop --wait --timeout=30s").success();
    println!("a host is ready after {:?}", started.elapsed());
}

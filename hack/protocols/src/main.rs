//! Makes the Rust of a part of etcd's protocol: the methods that the store calls, and what they reach.
//! Arguments: the folder of Go's module `go.etcd.io/etcd/api/v3`, and the folder to write to.

mod keep;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use protox::{
    Compiler,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};

/// The service methods to keep.
const METHODS: &[(&str, &[&str])] = &[
    ("KV", &["Range", "Txn", "Compact"]),
    ("Watch", &["Watch"]),
    // The store signs in; the tests set up who may.
    (
        "Auth",
        &[
            "Authenticate",
            "AuthEnable",
            "UserAdd",
            "UserGrantRole",
            "RoleAdd",
            "RoleGrantPermission",
        ],
    ),
];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(module), Some(out), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("arguments: MODULE OUT");
    };
    let mut files = ChainFileResolver::new();
    files.add(Module(module));
    files.add(GoogleFileResolver::new());
    files.add(Gateway);
    let mut compiler = Compiler::with_file_resolver(files);
    compiler.include_imports(true);
    compiler.open_file("etcd/api/etcdserverpb/rpc.proto")?;
    let mut set = compiler.file_descriptor_set();
    keep::only(&mut set, METHODS)?;
    let mut prost = prost_build::Config::new();
    // What is read from etcd is passed on without a copy.
    prost.bytes([".mvccpb", ".etcdserverpb.PutRequest"]);
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .out_dir(&out)
        .compile_fds_with_config(set, prost)
        .context("generating")
}

/// The module's own files, which import each other as `etcd/api/...`.
struct Module(PathBuf);

impl FileResolver for Module {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let path = name.strip_prefix("etcd/api/");
        let path = path.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::open(name, &self.0.join(Path::new(path)))
    }
}

/// The options of the HTTP gateway, which the files mention: no more of them than it takes to read past.
struct Gateway;

impl FileResolver for Gateway {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = match name {
            "google/api/annotations.proto" => include_str!("annotations.proto"),
            "protoc-gen-openapiv2/options/annotations.proto" => include_str!("openapi.proto"),
            _ => return Err(protox::Error::file_not_found(name)),
        };
        File::from_source(name, source)
    }
}

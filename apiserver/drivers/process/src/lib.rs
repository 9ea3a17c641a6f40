//! VMs as processes on this machine: a control-plane VM runs real etcd, kube-apiserver and kube-controller-manager from the
//! files of its bootstrap data, on a loopback address of its own; every VM registers its Node as a kubelet would.
//!
//! What is simulated is the hardware, and the kubelet's pods. All that a VM has is in one folder, as on a disk: it outlives
//! the server, and goes with the VM. No program outlives the server, however that ends (`child::bound`).

mod child;
mod client;
mod driver;
mod etcd_authorities;
mod files;
mod forwarder;
mod guest;
mod ledger;
mod processes;
mod programs;
mod record;
mod state;
mod trouble;
mod vm;

pub use child::{Launcher, bound};
pub use etcd_authorities::EtcdAuthorities;
pub use processes::{ProcessError, Processes};
pub use programs::{Programs, ProgramsError};

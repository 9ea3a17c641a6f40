//! What a VM's guest system does, for drivers that do it themselves: it reads the VM's bootstrap data, and writes into its
//! guest what kubeadm and the kubelet would. No guest is asked here: objects are made, others send them.

pub mod address;
pub mod cloud_init;
pub mod init;
pub mod node;
pub mod static_pods;
pub mod version;

//! Each layer by itself over the API server library in one process: no sockets, and the layer below is played by the test.

mod all_layers;
mod guest;
mod machine;
mod on_host;
mod played_evictions;
mod played_guest;
mod played_vms;
mod supervisor;
mod together;
mod two_stores;
mod upstream;
mod vm;
mod wrong_fields;

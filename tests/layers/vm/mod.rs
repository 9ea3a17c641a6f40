//! The VM layer: VirtualMachines and their services become simulated VMs and load balancers; no machine layer runs.

mod bad_input;
mod world;

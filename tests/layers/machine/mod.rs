//! The machine layer: Cluster API objects become VMs and Nodes; the VM layer and the guest are played by the test.

mod bad_input;
mod failures;
mod health;
mod life;
mod pauses;
mod world;
mod zones;

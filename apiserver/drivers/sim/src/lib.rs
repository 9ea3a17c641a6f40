//! Simulated VMs and guests: state machines with delays and faults, and a guest API server that answers.

//! Each layer by itself over the API server library in one process: no sockets, and the layer below is played by the test.

mod guest;
mod supervisor;

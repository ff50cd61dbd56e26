//! Call flows with the real policy components: all of it is in `tests/`. It is a crate of its own so
//! that the simulator links no wasmtime.

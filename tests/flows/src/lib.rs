//! Call flows with the real policy components.

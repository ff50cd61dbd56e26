//! Sans-IO shard: sessions, calls, bridges, CDRs, traces.

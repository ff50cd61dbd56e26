//! What wasmtime makes of the WIT package.
//!
//! The world with every optional export is used for its interfaces only: which of them a component
//! has is found out one by one.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::all,
    clippy::pedantic
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "full-policy",
    imports: {
        "jackfield:policy/store.get": async | trappable,
        "jackfield:policy/store.take": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    require_store_data_send: true,
});

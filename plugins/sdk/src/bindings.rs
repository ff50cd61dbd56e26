//! What wit-bindgen makes of the WIT package, one module per set of exports.
//!
//! The base holds every import and the one export that is required. Each optional interface has a
//! world, and so an export macro and a component-type section, of its own: a component must export
//! exactly what its policy has, because the host takes an export for a wish to be called. The
//! imports of those worlds are mapped to the base, so that there is one `Call` type.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

pub mod base {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "policy",
        pub_export_macro: true,
        export_macro_name: "export_policy",
        default_bindings_module: "jackfield_sdk::bindings::base",
        additional_derives: [PartialEq, Eq],
    });
}

macro_rules! optional {
    ($($module:ident, $export:literal, $wit:literal;)*) => {$(
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                inline: $wit,
                with: {
                    "jackfield:policy/types@0.1.0": crate::bindings::base::jackfield::policy::types,
                    "jackfield:policy/call@0.1.0": crate::bindings::base::jackfield::policy::call,
                    "jackfield:policy/session@0.1.0":
                        crate::bindings::base::jackfield::policy::session,
                },
                pub_export_macro: true,
                export_macro_name: $export,
                additional_derives: [PartialEq, Eq],
            });
        }
    )*};
}

optional! {
    media, "export_media", "package jackfield:sdk-media;
        world media { export jackfield:policy/media-events@0.1.0; }";
    conference, "export_conference", "package jackfield:sdk-conference;
        world conference { export jackfield:policy/conference-events@0.1.0; }";
    digit, "export_digit", "package jackfield:sdk-digit;
        world digit { export jackfield:policy/digit-events@0.1.0; }";
    command, "export_command", "package jackfield:sdk-command;
        world command { export jackfield:policy/command-events@0.1.0; }";
    transfer, "export_transfer", "package jackfield:sdk-transfer;
        world transfer { export jackfield:policy/transfer-events@0.1.0; }";
    timer, "export_timer", "package jackfield:sdk-timer;
        world timer { export jackfield:policy/timer-events@0.1.0; }";
    request, "export_request", "package jackfield:sdk-request;
        world request { export jackfield:policy/request-events@0.1.0; }";
}

/// Alone in needing nothing of the base: `migrate` sees no session.
pub mod upgrading {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package jackfield:sdk-upgrading;
            world upgrading { export jackfield:policy/upgrade@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_upgrading",
    });
}

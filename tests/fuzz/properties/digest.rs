//! The value of an Authorization header.

use sip::digest::{Bearer, Credentials, Guard, Secrets};

/// Panics where it does not hold.
pub(crate) fn check(text: &str) {
    let Ok(credentials) = Credentials::parse(text) else {
        return;
    };
    let bearer = Bearer {
        method: "REGISTER",
        call_id: "1",
        realm: "acme.example",
        source: std::net::IpAddr::from([192, 0, 2, 1]),
    };
    let secrets = Secrets {
        md5: "939e7578ed9e3c518a452acee763bce9",
        sha256: "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232",
    };
    let mut guard = Guard::new([7; 32]);
    for secrets in [Some(secrets), None] {
        let judged = guard.verify(&credentials, bearer, secrets, 1_800_000_000_000);
        assert!(judged.is_err(), "nobody was challenged");
    }
}

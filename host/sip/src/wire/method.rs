//! Request methods: rsip's closed list, and whatever else a peer invents.
//!
//! An unknown method must be held, not refused, so that the endpoint can answer 501.

use std::cmp::Ordering;
use std::fmt;

/// A request method. Case matters: RFC 3261 §7.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method(Repr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    Known(rsip::Method),
    Other(Box<str>),
}

impl Method {
    /// RFC 3261 §17.1.1.3.
    pub const ACK: Self = Self(Repr::Known(rsip::Method::Ack));
    /// RFC 3261 §15.
    pub const BYE: Self = Self(Repr::Known(rsip::Method::Bye));
    /// RFC 3261 §9.
    pub const CANCEL: Self = Self(Repr::Known(rsip::Method::Cancel));
    /// RFC 6086.
    pub const INFO: Self = Self(Repr::Known(rsip::Method::Info));
    /// RFC 3261 §13.
    pub const INVITE: Self = Self(Repr::Known(rsip::Method::Invite));
    /// RFC 3428.
    pub const MESSAGE: Self = Self(Repr::Known(rsip::Method::Message));
    /// RFC 6665.
    pub const NOTIFY: Self = Self(Repr::Known(rsip::Method::Notify));
    /// RFC 3261 §11.
    pub const OPTIONS: Self = Self(Repr::Known(rsip::Method::Options));
    /// RFC 3262.
    pub const PRACK: Self = Self(Repr::Known(rsip::Method::PRack));
    /// RFC 3903.
    pub const PUBLISH: Self = Self(Repr::Known(rsip::Method::Publish));
    /// RFC 3515.
    pub const REFER: Self = Self(Repr::Known(rsip::Method::Refer));
    /// RFC 3261 §10.
    pub const REGISTER: Self = Self(Repr::Known(rsip::Method::Register));
    /// RFC 6665.
    pub const SUBSCRIBE: Self = Self(Repr::Known(rsip::Method::Subscribe));
    /// RFC 3311.
    pub const UPDATE: Self = Self(Repr::Known(rsip::Method::Update));

    /// The method of that name; the caller has checked that it is a token.
    pub(crate) fn from_token(token: &str) -> Self {
        ALL.iter().find(|(name, _)| *name == token).map_or_else(
            || Self(Repr::Other(token.into())),
            |(_, method)| Self(Repr::Known(*method)),
        )
    }

    /// Its name on the wire.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Known(method) => ALL
                .iter()
                .find(|(_, known)| known == method)
                .map_or("", |(name, _)| name),
            Repr::Other(name) => name,
        }
    }

    /// Whether some RFC defines it: 405 if we do not serve it; 501 otherwise.
    pub fn is_known(&self) -> bool {
        matches!(self.0, Repr::Known(_))
    }
}

/// rsip's methods by their names; every variant is here (a test counts them).
const ALL: [(&str, rsip::Method); 14] = [
    ("INVITE", rsip::Method::Invite),
    ("ACK", rsip::Method::Ack),
    ("BYE", rsip::Method::Bye),
    ("CANCEL", rsip::Method::Cancel),
    ("OPTIONS", rsip::Method::Options),
    ("REGISTER", rsip::Method::Register),
    ("PRACK", rsip::Method::PRack),
    ("UPDATE", rsip::Method::Update),
    ("INFO", rsip::Method::Info),
    ("REFER", rsip::Method::Refer),
    ("NOTIFY", rsip::Method::Notify),
    ("SUBSCRIBE", rsip::Method::Subscribe),
    ("MESSAGE", rsip::Method::Message),
    ("PUBLISH", rsip::Method::Publish),
];

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialOrd for Method {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Method {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_rsip_has_its_name() {
        assert_eq!(ALL.len(), rsip::Method::all().len());
        for (name, _) in ALL {
            assert!(Method::from_token(name).is_known());
            assert_eq!(Method::from_token(name).as_str(), name);
        }
    }

    #[test]
    fn case_matters() {
        assert!(!Method::from_token("invite").is_known());
    }
}

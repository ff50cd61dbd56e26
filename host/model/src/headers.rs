//! Which headers of an INVITE pass the platform, beside those that it writes itself.
//!
//! Owns the names. What routes a message, describes its body, proves or asserts who somebody is, or
//! negotiates what the endpoint can do is the platform's own on each side of a call, whatever a list says.

use crate::limits;

/// Headers of an inbound INVITE that a policy may see from everybody, beside `X-…`.
const VISIBLE: [&str; 5] = [
    "Diversion",
    "History-Info",
    "Privacy",
    "Subject",
    "User-Agent",
];

/// Headers that a policy may set for everybody, beside `X-…`.
const SETTABLE: [&str; 3] = ["Diversion", "History-Info", "Privacy"];

/// Headers that no list may name. Names of one letter are short forms (RFC 3261 §7.3.3).
const STRUCTURAL: [&str; 55] = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "CSeq",
    "Call-ID",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-ID",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "Event",
    "Expires",
    "Flow-Timer",
    "From",
    "Join",
    "MIME-Version",
    "Max-Forwards",
    "Min-Expires",
    "Min-SE",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "RSeq",
    "Reason",
    "Record-Route",
    "Refer-Sub",
    "Refer-To",
    "Referred-By",
    "Remote-Party-ID",
    "Replaces",
    "Require",
    "Retry-After",
    "Route",
    "Security-Client",
    "Security-Server",
    "Security-Verify",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Supported",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "WWW-Authenticate",
];

/// A list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderNames(Vec<String>);

/// Why a name stands in no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More than [`limits::HEADER_NAMES`].
    #[error("has more than {} names", limits::HEADER_NAMES)]
    TooMany,
    /// Not what a header can be called.
    #[error("{0:?} is not the name of a header")]
    NoName(String),
    /// A short form.
    #[error("{0:?} is a short form: write the name in full")]
    Short(String),
    /// It is the platform's.
    #[error("{0} is the platform's own")]
    Structural(String),
}

impl HeaderNames {
    /// Those names, each once.
    pub fn new(names: Vec<String>) -> Result<Self, HeaderError> {
        if names.len() > limits::HEADER_NAMES {
            return Err(HeaderError::TooMany);
        }
        let mut all: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            check(&name)?;
            if !all.iter().any(|one| one.eq_ignore_ascii_case(&name)) {
                all.push(name);
            }
        }
        Ok(Self(all))
    }

    /// The names, as they were written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether that name is among them; names ignore case.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|one| one.eq_ignore_ascii_case(name))
    }

    /// Whether a policy may see that header of calls from a trunk with this list.
    pub fn shows(&self, name: &str) -> bool {
        is_among(&VISIBLE, name) || self.has(name)
    }

    /// Whether a policy may set that header of calls through a trunk with this list.
    pub fn takes(&self, name: &str) -> bool {
        is_among(&SETTABLE, name) || self.has(name)
    }
}

/// Whether a text can be a header's name: a token (RFC 3261 §25.1) of at most
/// [`limits::HEADER_NAME`] octets.
pub fn is_header_name(name: &str) -> bool {
    let token = |octet: u8| octet.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&octet);
    (1..=limits::HEADER_NAME).contains(&name.len()) && name.bytes().all(token)
}

fn check(name: &str) -> Result<(), HeaderError> {
    if !is_header_name(name) {
        return Err(HeaderError::NoName(name.to_owned()));
    }
    if name.len() == 1 {
        return Err(HeaderError::Short(name.to_owned()));
    }
    if STRUCTURAL.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(HeaderError::Structural(name.to_owned()));
    }
    Ok(())
}

fn is_among(known: &[&str], name: &str) -> bool {
    let private = name
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("x-"));
    private || known.iter().any(|one| one.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{HeaderError, HeaderNames, STRUCTURAL};
    use crate::limits;

    fn list(names: &[&str]) -> Result<HeaderNames, HeaderError> {
        HeaderNames::new(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn what_is_the_platforms_own_stands_in_no_list() {
        for name in STRUCTURAL {
            for name in [name.to_owned(), name.to_ascii_uppercase()] {
                let why = HeaderError::Structural(name.clone());
                assert_eq!(list(&[&name]), Err(why));
            }
        }
    }

    #[test]
    fn a_name_is_a_token_in_full_and_counts_once() {
        let long = "x".repeat(limits::HEADER_NAME + 1);
        for name in ["", "a b", "a:", "\u{e9}tat", "x\r\ny", &long] {
            assert_eq!(list(&[name]), Err(HeaderError::NoName(name.to_owned())));
        }
        assert_eq!(list(&["s"]), Err(HeaderError::Short("s".to_owned())));
        assert!(list(&[&long[1..]]).is_ok());
        let names = list(&["Geolocation", "GEOLOCATION", "P-Charge-Info"]).unwrap();
        let all: Vec<_> = names.iter().collect();
        assert_eq!(all, ["Geolocation", "P-Charge-Info"]);
        assert!(names.has("p-charge-info") && !names.has("P-Charge"));
        let many: Vec<_> = (0..=limits::HEADER_NAMES)
            .map(|n| format!("X-{n}"))
            .collect();
        assert!(HeaderNames::new(many[1..].to_vec()).is_ok());
        assert_eq!(HeaderNames::new(many), Err(HeaderError::TooMany));
    }

    #[test]
    fn some_may_always_be_seen_or_set() {
        let none = HeaderNames::default();
        assert!(none.shows("user-agent") && none.shows("x-account") && !none.shows("Priority"));
        assert!(none.takes("DIVERSION") && none.takes("X-A") && !none.takes("User-Agent"));
        let names = list(&["Priority"]).unwrap();
        assert!(names.shows("priority") && names.takes("priority"));
    }
}

//! Programs that look for victims, by the names that they give themselves.
//!
//! It stops nobody who knows of it: whoever calls itself otherwise is judged by what it does. But nearly
//! all do not care, and a scanner that gets no answer at all moves on.

/// In lower case; each is a part of what the program says.
const NAMES: [&str; 14] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sip-scan",
    "sipscan",
    "sipcli",
    "sipptk",
    "siparmyknife",
    "sivus",
    "smap ",
    "sundayddr",
    "pplsip",
    "voipbuster-scan",
    "nmap",
];

/// Whether a User-Agent is one of them.
pub(super) fn is_scanner(user_agent: &str) -> bool {
    let user_agent = user_agent.to_ascii_lowercase();
    NAMES.iter().any(|name| user_agent.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanners_are_known_in_any_letters_and_telephones_are_none() {
        for name in ["friendly-scanner", "sipcli/v1.8", "SIPVicious 0.3", "Nmap"] {
            assert!(is_scanner(name), "{name}");
        }
        for name in ["ExamplePhone T46 66.85.0.15", "baresip v3.16.0", "", "SIPp"] {
            assert!(!is_scanner(name), "{name}");
        }
    }
}

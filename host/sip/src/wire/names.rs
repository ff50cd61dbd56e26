//! Header names: compact and long forms, and the step from a name to rsip's variant and back.
//!
//! The only file that spells header names; the rest asks by the long form.

use rsip::Header;
use rsip::headers::UntypedHeader;

/// One table for both directions, so that they cannot disagree. A line has the names of one length,
/// so that a name is compared with few: first those that rsip knows, as nearly all peers spell them
/// and then in any case; then, in their registered spelling, those that it does not know.
macro_rules! names {
    ($($length:literal: $($variant:ident => $name:literal),* ; $($further:literal),* ;)*) => {
        /// The header of a name in any case or compact form.
        #[expect(clippy::collapsible_match, reason = "some lengths have one name only")]
        pub(super) fn header(name: &str, value: String) -> Header {
            let name = long(name);
            match name.len() {
                $($length => {
                    $(if name == $name {
                        return Header::$variant(rsip::headers::$variant::new(value));
                    })*
                    $(if name.eq_ignore_ascii_case($name) {
                        return Header::$variant(rsip::headers::$variant::new(value));
                    })*
                    $(if name.eq_ignore_ascii_case($further) {
                        return Header::Other($further.to_owned(), value);
                    })*
                })*
                _ => {}
            }
            Header::Other(name.to_owned(), value)
        }

        /// Canonical name and value.
        pub(super) fn view(header: &Header) -> (&str, &str) {
            match header {
                $($(Header::$variant(inner) => ($name, inner.value()),)*)*
                Header::Other(name, value) => (name, value),
            }
        }

        #[cfg(test)]
        const ALL: &[(usize, &str)] = &[$($(($length, $name),)* $(($length, $further),)*)*];
    };
}

names! {
    2: To => "To"; ;
    3: Via => "Via"; ;
    4: From => "From", CSeq => "CSeq", Date => "Date"; "Join", "Path", "RAck", "RSeq";
    5: Allow => "Allow", Route => "Route", Event => "Event"; ;
    6: Accept => "Accept", Server => "Server"; "Min-SE", "Reason";
    7: CallId => "Call-ID", Contact => "Contact", Expires => "Expires", Require => "Require", Subject => "Subject", Warning => "Warning"; "Privacy";
    8: Priority => "Priority", ReplyTo => "Reply-To"; "Identity", "Refer-To", "Replaces";
    9: Supported => "Supported", CallInfo => "Call-Info", Timestamp => "Timestamp"; "Diversion";
    10: UserAgent => "User-Agent", AlertInfo => "Alert-Info", ErrorInfo => "Error-Info"; "Flow-Timer";
    11: InReplyTo => "In-Reply-To", MinExpires => "Min-Expires", RetryAfter => "Retry-After", Unsupported => "Unsupported"; "Referred-By";
    12: MaxForwards => "Max-Forwards", ContentType => "Content-Type", RecordRoute => "Record-Route", MimeVersion => "MIME-Version", Organization => "Organization"; "Allow-Events", "History-Info";
    13: Authorization => "Authorization", ProxyRequire => "Proxy-Require"; "Identity-Info", "P-Early-Media", "Service-Route";
    14: ContentLength => "Content-Length"; "Accept-Contact", "Reject-Contact";
    15: AcceptEncoding => "Accept-Encoding", AcceptLanguage => "Accept-Language"; "Session-Expires";
    16: ContentEncoding => "Content-Encoding", ContentLanguage => "Content-Language", WwwAuthenticate => "WWW-Authenticate"; ;
    17: ; "P-Called-Party-ID", "P-Charging-Vector";
    18: ProxyAuthenticate => "Proxy-Authenticate", SubscriptionState => "Subscription-State"; ;
    19: AuthenticationInfo => "Authentication-Info", ContentDisposition => "Content-Disposition", ProxyAuthorization => "Proxy-Authorization"; "P-Asserted-Identity", "Request-Disposition";
    20: ; "P-Preferred-Identity";
    21: ; "P-Access-Network-Info";
}

/// The long form of a compact name (IANA registry of SIP header fields); others as they are.
pub(super) fn long(name: &str) -> &str {
    let &[letter] = name.as_bytes() else {
        return name;
    };
    match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (length, name) in ALL {
            assert_eq!(name.len(), *length, "{name} is in the wrong line");
            for spelled in [name.to_uppercase(), name.to_lowercase()] {
                let header = header(&spelled, "x".to_owned());
                assert_eq!(view(&header), (*name, "x"));
            }
        }
    }
}

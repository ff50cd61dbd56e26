//! Header names: compact and long forms, and the step from a name to rsip's variant and back.
//!
//! The only file that spells header names; the rest asks by the long form.

use rsip::Header;
use rsip::headers::UntypedHeader;

/// One table for both directions, so that they cannot disagree.
macro_rules! known {
    ($($variant:ident => $name:literal),* $(,)?) => {
        /// The rsip header of a name in long form.
        fn known(name: &str, value: String) -> Result<Header, String> {
            $(if name.eq_ignore_ascii_case($name) {
                return Ok(Header::$variant(rsip::headers::$variant::new(value)));
            })*
            Err(value)
        }

        /// Canonical name and value.
        pub(super) fn view(header: &Header) -> (&str, &str) {
            match header {
                $(Header::$variant(inner) => ($name, inner.value()),)*
                Header::Other(name, value) => (name, value),
            }
        }
    };
}

known! {
    // The ones that every message has come first: the search is linear.
    Via => "Via",
    From => "From",
    To => "To",
    CallId => "Call-ID",
    CSeq => "CSeq",
    MaxForwards => "Max-Forwards",
    Contact => "Contact",
    ContentType => "Content-Type",
    ContentLength => "Content-Length",
    Allow => "Allow",
    Supported => "Supported",
    UserAgent => "User-Agent",
    Route => "Route",
    RecordRoute => "Record-Route",
    Accept => "Accept",
    AcceptEncoding => "Accept-Encoding",
    AcceptLanguage => "Accept-Language",
    AlertInfo => "Alert-Info",
    AuthenticationInfo => "Authentication-Info",
    Authorization => "Authorization",
    CallInfo => "Call-Info",
    ContentDisposition => "Content-Disposition",
    ContentEncoding => "Content-Encoding",
    ContentLanguage => "Content-Language",
    Date => "Date",
    ErrorInfo => "Error-Info",
    Event => "Event",
    Expires => "Expires",
    InReplyTo => "In-Reply-To",
    MimeVersion => "MIME-Version",
    MinExpires => "Min-Expires",
    Organization => "Organization",
    Priority => "Priority",
    ProxyAuthenticate => "Proxy-Authenticate",
    ProxyAuthorization => "Proxy-Authorization",
    ProxyRequire => "Proxy-Require",
    ReplyTo => "Reply-To",
    Require => "Require",
    RetryAfter => "Retry-After",
    Server => "Server",
    Subject => "Subject",
    SubscriptionState => "Subscription-State",
    Timestamp => "Timestamp",
    Unsupported => "Unsupported",
    Warning => "Warning",
    WwwAuthenticate => "WWW-Authenticate",
}

/// Names that rsip does not know, in their registered spelling.
const FURTHER: [&str; 27] = [
    "Accept-Contact",
    "Allow-Events",
    "Diversion",
    "Flow-Timer",
    "History-Info",
    "Identity",
    "Identity-Info",
    "Join",
    "Min-SE",
    "P-Access-Network-Info",
    "P-Asserted-Identity",
    "P-Called-Party-ID",
    "P-Charging-Vector",
    "P-Early-Media",
    "P-Preferred-Identity",
    "Path",
    "Privacy",
    "RAck",
    "RSeq",
    "Reason",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Replaces",
    "Request-Disposition",
    "Service-Route",
    "Session-Expires",
];

/// The header of a name in any case or compact form.
pub(super) fn header(name: &str, value: String) -> Header {
    let name = long(name);
    known(name, value).unwrap_or_else(|value| {
        let registered = FURTHER
            .iter()
            .find(|further| further.eq_ignore_ascii_case(name));
        Header::Other(registered.map_or(name, |further| further).to_owned(), value)
    })
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

//! Header names: compact and long forms, and the names that we know as values.
//!
//! The only file that spells header names; the rest asks by the long form.

/// One table for both directions, so that they cannot disagree. A line has the names of one length,
/// so that a name is compared with few: first as nearly all peers spell them, then in any case.
macro_rules! names {
    ($($length:literal: $($variant:ident => $name:literal),*;)*) => {
        /// The name of a header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Name {
            $($(#[doc = $name] $variant,)*)*
            /// One that is not in the table.
            Other,
        }

        impl Name {
            /// The name in any case or compact form.
            pub(super) fn of(name: &[u8]) -> Self {
                match name.len() {
                    1 => return Self::of_compact(name[0]),
                    $($length => {
                        $(if name == $name.as_bytes() {
                            return Self::$variant;
                        })*
                        $(if name.eq_ignore_ascii_case($name.as_bytes()) {
                            return Self::$variant;
                        })*
                    })*
                    _ => {}
                }
                Self::Other
            }

            /// Its registered spelling; `None` of another one.
            pub(super) fn as_str(self) -> Option<&'static str> {
                match self {
                    $($(Self::$variant => Some($name),)*)*
                    Self::Other => None,
                }
            }
        }

        #[cfg(test)]
        const ALL: &[(usize, Name)] = &[$($(($length, Name::$variant),)*)*];
    };
}

names! {
    2: To => "To";
    3: Via => "Via";
    4: From => "From", CSeq => "CSeq", Date => "Date", Join => "Join", Path => "Path", RAck => "RAck", RSeq => "RSeq";
    5: Allow => "Allow", Route => "Route", Event => "Event";
    6: Accept => "Accept", Server => "Server", MinSe => "Min-SE", Reason => "Reason";
    7: CallId => "Call-ID", Contact => "Contact", Expires => "Expires", Require => "Require", Subject => "Subject", Warning => "Warning", Privacy => "Privacy";
    8: Priority => "Priority", ReplyTo => "Reply-To", Identity => "Identity", ReferTo => "Refer-To", Replaces => "Replaces";
    9: Supported => "Supported", CallInfo => "Call-Info", Timestamp => "Timestamp", Diversion => "Diversion";
    10: UserAgent => "User-Agent", AlertInfo => "Alert-Info", ErrorInfo => "Error-Info", FlowTimer => "Flow-Timer";
    11: InReplyTo => "In-Reply-To", MinExpires => "Min-Expires", RetryAfter => "Retry-After", Unsupported => "Unsupported", ReferredBy => "Referred-By";
    12: MaxForwards => "Max-Forwards", ContentType => "Content-Type", RecordRoute => "Record-Route", MimeVersion => "MIME-Version", Organization => "Organization", AllowEvents => "Allow-Events", HistoryInfo => "History-Info";
    13: Authorization => "Authorization", ProxyRequire => "Proxy-Require", IdentityInfo => "Identity-Info", PEarlyMedia => "P-Early-Media", ServiceRoute => "Service-Route";
    14: ContentLength => "Content-Length", AcceptContact => "Accept-Contact", RejectContact => "Reject-Contact";
    15: AcceptEncoding => "Accept-Encoding", AcceptLanguage => "Accept-Language", SessionExpires => "Session-Expires";
    16: ContentEncoding => "Content-Encoding", ContentLanguage => "Content-Language", WwwAuthenticate => "WWW-Authenticate";
    17: PCalledPartyId => "P-Called-Party-ID", PChargingVector => "P-Charging-Vector";
    18: ProxyAuthenticate => "Proxy-Authenticate", SubscriptionState => "Subscription-State";
    19: AuthenticationInfo => "Authentication-Info", ContentDisposition => "Content-Disposition", ProxyAuthorization => "Proxy-Authorization", PAssertedIdentity => "P-Asserted-Identity", RequestDisposition => "Request-Disposition";
    20: PPreferredIdentity => "P-Preferred-Identity";
    21: PAccessNetworkInfo => "P-Access-Network-Info";
}

impl Name {
    /// The name of a compact form (IANA registry of SIP header fields).
    fn of_compact(letter: u8) -> Self {
        match letter.to_ascii_lowercase() {
            b'a' => Self::AcceptContact,
            b'b' => Self::ReferredBy,
            b'c' => Self::ContentType,
            b'd' => Self::RequestDisposition,
            b'e' => Self::ContentEncoding,
            b'f' => Self::From,
            b'i' => Self::CallId,
            b'j' => Self::RejectContact,
            b'k' => Self::Supported,
            b'l' => Self::ContentLength,
            b'm' => Self::Contact,
            b'n' => Self::IdentityInfo,
            b'o' => Self::Event,
            b'r' => Self::ReferTo,
            b's' => Self::Subject,
            b't' => Self::To,
            b'u' => Self::AllowEvents,
            b'v' => Self::Via,
            b'x' => Self::SessionExpires,
            b'y' => Self::Identity,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (length, name) in ALL {
            let spelled = name.as_str().unwrap();
            assert_eq!(spelled.len(), *length, "{spelled} is in the wrong line");
            for spelled in [spelled, &spelled.to_uppercase(), &spelled.to_lowercase()] {
                assert_eq!(Name::of(spelled.as_bytes()), *name);
            }
        }
        assert_eq!(Name::of(b"X-Spoon").as_str(), None);
    }
}

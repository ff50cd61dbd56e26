//! One line for each SIP message, as it stands on an arrow of the ladder.
//!
//! Reads only the start line, CSeq and Content-Length: it must not fail on messages that the parser
//! refuses.

/// Characters of a line.
const LINE: usize = 60;

/// What the ladder says of a message, and whether it carries a session description. A request shows the user that it
/// asks for if it is an INVITE; a response to another method than INVITE names the method.
pub(crate) fn summary(message: &[u8]) -> Option<(String, bool)> {
    let text = String::from_utf8_lossy(message);
    let mut lines = text.split("\r\n");
    let start = lines.next()?;
    let mut method = "";
    let (mut length, mut described) = (0_u32, true);
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name.trim_end() {
            n if n.eq_ignore_ascii_case("cseq") => {
                method = value.split_ascii_whitespace().nth(1).unwrap_or_default();
            }
            n if n.eq_ignore_ascii_case("content-length") || n.eq_ignore_ascii_case("l") => {
                length = value.trim().parse().unwrap_or_default();
            }
            n if n.eq_ignore_ascii_case("content-type") || n.eq_ignore_ascii_case("c") => {
                described = value.trim_start().starts_with("application/sdp");
            }
            _ => {}
        }
    }
    let mut words = start.splitn(3, ' ');
    let line = match (
        words.next()?,
        words.next()?,
        words.next().unwrap_or_default(),
    ) {
        (version, code, reason) if version.starts_with("SIP/") => match method {
            "INVITE" | "" => format!("{code} {reason}"),
            _ => format!("{code} {reason} [{method}]"),
        },
        ("INVITE", uri, _) => format!("INVITE {}", user(uri)),
        (method, ..) => method.to_owned(),
    };
    let fits = line.len() <= LINE && !line.contains(char::is_control);
    let line = if fits {
        line
    } else {
        let plain = line.chars().filter(|c| !c.is_control());
        plain.take(LINE).collect()
    };
    Some((line, length > 0 && described))
}

fn user(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split(['@', ';']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn a_message_becomes_one_line() {
        let check = |message: &str, line: &str, sdp| {
            let message = message.replace('\n', "\r\n");
            assert_eq!(summary(message.as_bytes()), Some((line.to_owned(), sdp)));
        };
        check(
            "INVITE sip:2001@x SIP/2.0\nl: 12\n\nv=0",
            "INVITE 2001",
            true,
        );
        check(
            "SIP/2.0 180 Ringing\nCSeq: 1 INVITE\nContent-Length: 0\n\n",
            "180 Ringing",
            false,
        );
        check("SIP/2.0 200 OK\ncseq : 2 BYE\n\n", "200 OK [BYE]", false);
        check("BYE sip:x SIP/2.0\n\n", "BYE", false);
        let notify = "NOTIFY sip:x SIP/2.0\nc: message/sipfrag\nl: 12\n\nSIP/2.0";
        check(notify, "NOTIFY", false);
        assert_eq!(summary(b"garbage"), None);
    }
}

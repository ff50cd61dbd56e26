//! What the watch sees of a SIP message: a few words of a few lines, without a parser.

/// A SIP message at a glance.
#[derive(Debug)]
pub(crate) struct Glimpse<'a> {
    /// The start line.
    pub(crate) line: &'a str,
    /// The status of a response.
    pub(crate) status: Option<u16>,
    /// The method: of CSeq.
    pub(crate) method: &'a str,
    pub(crate) call_id: &'a str,
    /// Of the topmost Via.
    pub(crate) branch: &'a str,
    pub(crate) to_tag: &'a str,
    /// It wants to take the place of another.
    pub(crate) replaces: bool,
}

impl<'a> Glimpse<'a> {
    /// A look at these bytes; `None` if they are no SIP message.
    pub(crate) fn of(message: &'a [u8]) -> Option<Self> {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&message[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let line = lines.next()?;
        let mut seen = Self {
            line,
            status: line
                .strip_prefix("SIP/2.0 ")
                .and_then(|rest| rest.get(..3)?.parse().ok()),
            method: "",
            call_id: "",
            branch: "",
            to_tag: "",
            replaces: false,
        };
        for header in lines {
            let Some((name, value)) = header.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "cseq" => seen.method = value.rsplit(' ').next().unwrap_or_default(),
                "call-id" => seen.call_id = value,
                "replaces" => seen.replaces = true,
                "to" => seen.to_tag = parameter(value, "tag="),
                "via" if seen.branch.is_empty() => seen.branch = parameter(value, "branch="),
                _ => {}
            }
        }
        (!seen.call_id.is_empty()).then_some(seen)
    }

    pub(crate) fn is_request(&self, method: &str) -> bool {
        self.status.is_none() && self.method == method
    }
}

fn parameter<'a>(value: &'a str, name: &str) -> &'a str {
    let rest = value.split_once(name).map_or("", |(_, rest)| rest);
    rest.split([';', ',']).next().unwrap_or_default()
}

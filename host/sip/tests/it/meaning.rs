//! A message in words: everything that whoever handles it would ask, and what the parser says.

use std::fmt::Display;

use sip::wire::{Message, NameAddr};

/// A paragraph about a message.
pub(crate) fn told(name: &str, message: &Message) -> String {
    let mut text = format!("# {name}\n");
    let mut line = |what: &str, value: &dyn Display| {
        let line = format!("{what}: {value}");
        text.extend(line.trim_end().chars().flat_map(visible));
        text.push('\n');
    };
    match message {
        Message::Request(request) => {
            line("method", request.method());
            line("uri", request.uri());
            line("host", &request.uri().host());
            if let Some(port) = request.uri().port() {
                line("port", &port);
            }
        }
        Message::Response(response) => {
            line("status", &response.status());
            line("reason", &response.reason());
        }
    }
    let headers = message.headers();
    for via in headers.vias() {
        let port = via.port().map(|port| format!(" port {port}"));
        let mut words = [via.transport(), " ", via.host()].concat();
        words.extend(port);
        words.extend(via.branch().map(|branch| format!(" branch {branch}")));
        words.extend(via.received().map(|ip| format!(" received {ip}")));
        line("via", &words);
    }
    line("call-id", &headers.call_id());
    line("cseq", headers.cseq());
    for (what, address) in [("from", headers.from()), ("to", headers.to())] {
        let display = address.display().map(|name| format!("{name:?} "));
        let uri = address.uri().map(|uri| format!("{uri:?}"));
        let tag = address.tag().map(|tag| format!(" tag {tag}"));
        let parts = [display, uri, tag].map(Option::unwrap_or_default);
        line(what, &parts.concat());
    }
    let lists = [
        ("contact", headers.contacts()),
        ("route", headers.routes()),
        ("record-route", headers.record_routes()),
    ];
    for (what, address) in lists
        .iter()
        .flat_map(|(what, list)| list.iter().map(move |address: &NameAddr| (what, address)))
    {
        line(what, address);
    }
    for (what, number) in [
        ("max-forwards", headers.max_forwards().map(u32::from)),
        ("expires", headers.expires()),
    ] {
        if let Some(number) = number {
            line(what, &number);
        }
    }
    if let Some(media_type) = headers.content_type() {
        line(
            "body",
            &format!("{media_type}, {} octets", message.body().len()),
        );
    }
    text.push('\n');
    text
}

/// Control characters as their escapes.
fn visible(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_debug());
    let plain = escaped.is_none().then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

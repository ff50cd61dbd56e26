//! One Contact of a REGISTER: what it names, for how long, and which binding it renews.

use model::{Binding, Outbound, limits};
use sip::wire::{Headers, NameAddr};

use super::{Refused, refused};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contact {
    pub(super) uri: String,
    /// 0: to be removed.
    pub(super) seconds: u32,
    /// In thousandths.
    pub(super) q: u16,
    pub(super) outbound: Option<Outbound>,
}

/// All Contacts of a REGISTER, each of which can be used.
pub(super) fn read(headers: &Headers, path: &[String]) -> Result<Vec<Contact>, Refused> {
    let addresses = headers.contacts();
    if addresses.len() > limits::BINDINGS {
        return Err(refused(403, "too many Contacts"));
    }
    let outbound = headers
        .supported()
        .iter()
        .any(|tag| tag.eq_ignore_ascii_case("outbound"));
    let contacts = addresses
        .iter()
        .map(|address| contact(address, headers.expires(), outbound))
        .collect::<Result<Vec<_>, _>>()?;
    let flows = contacts.iter().filter(|contact| contact.outbound.is_some());
    let flows = flows.filter(|contact| contact.seconds > 0).count();
    if flows > 1 {
        return Err(refused(400, "several flows in one REGISTER"));
    }
    // RFC 5626 §6: a proxy that keeps no flow to the phone would lose it.
    if flows > 0 && headers.vias().len() > 1 && !path.last().is_some_and(|uri| keeps_flow(uri)) {
        return Err(refused(439, "the first hop lacks outbound support"));
    }
    Ok(contacts)
}

impl Contact {
    /// Whether it means this binding: the same flow of the same phone, else the same URI.
    pub(super) fn is_of(&self, binding: &Binding) -> bool {
        match (&self.outbound, &binding.outbound) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, None) => self.uri == binding.contact,
            _ => false,
        }
    }
}

fn contact(address: &NameAddr, expires: Option<u32>, outbound: bool) -> Result<Contact, Refused> {
    if !address.uri.is_sip() {
        return Err(refused(400, "a Contact that is no SIP URI"));
    }
    let uri = address.uri.clone().without_headers().to_string();
    let params = address.params();
    let instance = params.text("+sip.instance").filter(|text| is_plain(text));
    if uri.len() > limits::ADDRESS || instance.as_ref().is_some_and(|i| i.len() > limits::ADDRESS) {
        return Err(refused(400, "a Contact that is too long"));
    }
    let reg_id = params.get("reg-id").and_then(|text| text.parse().ok());
    let reg_id = reg_id.filter(|id| outbound && (1..=i32::MAX as u32).contains(id));
    let own = params.get("expires").map(seconds);
    let longest = limits::BINDING_LONGEST.as_secs() as u32;
    let seconds = own.or(expires).unwrap_or(longest).min(longest);
    if (1..limits::BINDING_SHORTEST.as_secs() as u32).contains(&seconds) {
        return Err(refused(423, "an interval that is too brief"));
    }
    Ok(Contact {
        uri,
        seconds,
        q: params.get("q").map_or(1000, thousandths),
        outbound: instance
            .zip(reg_id)
            .map(|(instance, reg_id)| Outbound { instance, reg_id }),
    })
}

/// Whether a URI of Path has the parameter `ob`.
fn keeps_flow(uri: &str) -> bool {
    uri.split([';', '>', ',']).any(|part| part.trim() == "ob")
}

/// What can be written between quotes as it is.
fn is_plain(text: &str) -> bool {
    let plain = |octet: u8| (b' '..=b'~').contains(&octet) && !b"\"\\".contains(&octet);
    !text.is_empty() && text.bytes().all(plain)
}

/// What is no number counts as the longest time (RFC 3261 §10.2.1.1).
fn seconds(text: &str) -> u32 {
    text.parse().unwrap_or(u32::MAX)
}

/// `0`, `1` and up to three decimals (RFC 3261 §25.1); what is none of them has no preference.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.bytes().all(|octet| octet.is_ascii_digit());
    match whole {
        "0" if digits && decimals.len() <= 3 => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 1000,
    }
}

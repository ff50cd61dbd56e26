//! The registrar: how a REGISTER changes the bindings of one address of record. RFC 3261 §10.3,
//! RFC 3327 (Path), RFC 5626 (outbound).
//!
//! Owns the rules, as pure functions from bindings to bindings, so that whoever holds the writer's
//! lock can apply them to what is durable. Refuses to know who may register, where bindings are kept,
//! and how they reach the shards.

mod contact;
#[cfg(test)]
mod tests;

use contact::Contact;
use model::{Binding, Outbound, limits};
use sip::{
    Flow,
    wire::{Headers, NameAddr},
};

use crate::hop;

/// Why a REGISTER is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer.
    pub status: u16,
    /// Why, for the log.
    pub why: &'static str,
}

const fn refused(status: u16, why: &'static str) -> Refused {
    Refused::new(status, why)
}

impl Refused {
    /// A refusal.
    pub const fn new(status: u16, why: &'static str) -> Self {
        Self { status, why }
    }

    /// The header that the answer must have.
    pub fn header(&self) -> Option<(&'static str, String)> {
        (self.status == 423).then(|| {
            (
                "Min-Expires",
                limits::BINDING_SHORTEST.as_secs().to_string(),
            )
        })
    }
}

/// What a REGISTER asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    wish: Wish,
    call_id: String,
    cseq: u32,
    /// As it came.
    path: Vec<String>,
    /// Its URIs.
    route: Vec<String>,
    flow: Flow,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// No Contact: which bindings are there?
    List,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    Change(Vec<Contact>),
}

impl Registration {
    /// Reads the headers of a REGISTER that came on this flow.
    pub fn read(headers: &Headers, flow: Flow) -> Result<Self, Refused> {
        let path: Vec<_> = headers.get_all("Path").map(str::to_owned).collect();
        if path.iter().map(String::len).sum::<usize>() > limits::BINDING_PATH {
            return Err(refused(400, "Path is too long"));
        }
        let uri = |address: NameAddr| address.uri.without_headers().to_string();
        Ok(Self {
            route: headers.paths().into_iter().map(uri).collect(),
            wish: wish(headers, &path)?,
            call_id: headers.call_id().to_owned(),
            cseq: headers.cseq().number,
            path,
            flow,
        })
    }

    /// The values of Path.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// Whether one of its bindings is a flow that is to be kept (RFC 5626).
    pub fn keeps_flow(&self) -> bool {
        let flow = |contact: &Contact| contact.outbound.is_some() && contact.seconds > 0;
        matches!(&self.wish, Wish::Change(contacts) if contacts.iter().any(flow))
    }

    /// Whether it asks for no change.
    pub fn only_lists(&self) -> bool {
        self.wish == Wish::List
    }

    /// The bindings after it: all of the change, or none of it. Those that are over are left out.
    pub fn apply(&self, bindings: &[Binding], unix_ms: u64) -> Result<Vec<Binding>, Refused> {
        let live = bindings.iter().filter(|binding| binding.is_live(unix_ms));
        let mut after: Vec<Binding> = live.cloned().collect();
        match &self.wish {
            Wish::List => {}
            Wish::RemoveAll => {
                for binding in &after {
                    self.check_order(binding)?;
                }
                after.clear();
            }
            Wish::Change(contacts) => {
                for contact in contacts {
                    self.change(&mut after, contact, unix_ms)?;
                }
            }
        }
        if after.len() > limits::BINDINGS {
            return Err(refused(403, "too many bindings of one address of record"));
        }
        Ok(after)
    }

    /// RFC 3261 §10.3, step 7; RFC 5626 §6.
    fn change(
        &self,
        bindings: &mut Vec<Binding>,
        contact: &Contact,
        unix_ms: u64,
    ) -> Result<(), Refused> {
        let place = bindings.iter().position(|binding| contact.is_of(binding));
        if let Some(place) = place {
            self.check_order(&bindings[place])?;
            bindings.remove(place);
        }
        if contact.seconds == 0 {
            return Ok(());
        }
        bindings.push(Binding {
            contact: contact.uri.clone(),
            outbound: contact.outbound.clone(),
            path: self.route.clone(),
            q: contact.q,
            local: self.flow.local,
            hop: hop::hop(self.flow),
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            renewed: unix_ms,
            expires: unix_ms + u64::from(contact.seconds) * 1000,
        });
        Ok(())
    }

    /// A REGISTER that was overtaken by a later one of the same phone changes nothing.
    fn check_order(&self, binding: &Binding) -> Result<(), Refused> {
        if binding.call_id == self.call_id && self.cseq <= binding.cseq {
            return Err(refused(500, "an older REGISTER than the one before"));
        }
        Ok(())
    }
}

fn wish(headers: &Headers, path: &[String]) -> Result<Wish, Refused> {
    let values: Vec<&str> = headers.get_all("Contact").collect();
    if values.is_empty() {
        return Ok(Wish::List);
    }
    if values.iter().any(|value| value.trim() == "*") {
        // RFC 3261 §10.3, step 6: alone, and with an Expires of zero.
        return match (values.len(), headers.expires()) {
            (1, Some(0)) => Ok(Wish::RemoveAll),
            _ => Err(refused(400, "Contact * is not alone, or Expires is not 0")),
        };
    }
    contact::read(headers, path).map(Wish::Change)
}

/// The values of Contact that list the bindings in a 200.
pub fn listed(bindings: &[Binding], unix_ms: u64) -> Vec<String> {
    let live = bindings.iter().filter(|binding| binding.is_live(unix_ms));
    live.map(|binding| {
        let seconds = binding.expires.saturating_sub(unix_ms).div_ceil(1000);
        let q = match binding.q {
            q @ ..1000 => format!(";q=0.{q:03}"),
            _ => String::new(),
        };
        let outbound = binding.outbound.as_ref().map(|outbound| {
            let Outbound { instance, reg_id } = outbound;
            format!(";+sip.instance=\"{instance}\";reg-id={reg_id}")
        });
        let outbound = outbound.unwrap_or_default();
        format!("<{}>;expires={seconds}{q}{outbound}", binding.contact)
    })
    .collect()
}

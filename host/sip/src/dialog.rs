//! Dialogs: RFC 3261 §12.
//!
//! Owns what two user agents agree on once a call exists (tags, sequence numbers, route set, remote
//! target) and the requests that are made from it. Resolves nothing but IP literals, sends nothing,
//! and knows no transactions.

mod account;
mod refer;
mod session;
#[cfg(test)]
mod tests;
mod usage;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(crate) use account::{Account, Provable};
pub(crate) use refer::{Asking, Referral, Refers, Told};
pub(crate) use session::{Refresher, Session};
pub(crate) use usage::{
    Answered, Attempt, By, CachedAck, Cancel, Early, EarlyOffer, Established, Exchange, Reinviting,
    Reliable, Reoffered, Ringing, State, Unacked, Unsettled, Usage,
};

use crate::Uri;
use crate::endpoint::Listeners;
use crate::event::{Flow, Transport};
use crate::wire::{Builder, Headers, Method, NameAddr, Request, Response, Via};

/// The port of SIP where neither is given, nor a transport (RFC 3261 §19.1.2).
pub(crate) const PORT: u16 = 5060;

/// One dialog.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    call_id: String,
    /// Our name-addr with our tag, as it stands in every message.
    local: String,
    /// The peer's.
    remote: String,
    /// The tag in it; empty if it has none (RFC 2543 peers may not).
    remote_tag: String,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    routes: Vec<NameAddr>,
    target: Uri,
    /// The path of the message that made the dialog; requests take it when the target is no IP
    /// literal that can be reached.
    flow: Flow,
    /// Whether its connection is there; datagrams always find their way.
    connected: bool,
    listeners: Listeners,
    /// Whether our INVITE began it, so that the Call-ID is ours.
    ours: bool,
}

impl Dialog {
    /// The dialog that our answer to `invite` makes (RFC 3261 §12.1.1); `None` if the INVITE has no
    /// Contact.
    pub(crate) fn of_inbound(invite: &Request, flow: Flow, local_tag: &str) -> Option<Self> {
        let headers = invite.headers();
        Some(Self {
            call_id: headers.call_id().to_owned(),
            local: headers.to().tagged(local_tag),
            remote: headers.from().to_string(),
            remote_tag: headers.from_tag().unwrap_or("").to_owned(),
            local_cseq: 0,
            remote_cseq: Some(headers.cseq().number),
            routes: headers.record_routes(),
            target: headers.contact()?,
            flow,
            connected: true,
            listeners: Listeners::default(),
            ours: false,
        })
    }

    /// The dialog that the answer to our `invite` makes (RFC 3261 §12.1.2).
    pub(crate) fn of_outbound(invite: &Request, answer: &Response, flow: Flow) -> Self {
        let headers = answer.headers();
        let mut routes = headers.record_routes();
        routes.reverse();
        Self {
            call_id: headers.call_id().to_owned(),
            local: invite.headers().from().to_string(),
            remote: headers.to().to_string(),
            remote_tag: headers.to_tag().unwrap_or("").to_owned(),
            local_cseq: invite.headers().cseq().number,
            remote_cseq: None,
            routes,
            // A 2xx must have a Contact; without one, where the INVITE went is the best guess.
            target: headers.contact().unwrap_or_else(|| invite.uri().clone()),
            flow,
            connected: true,
            listeners: Listeners::default(),
            ours: true,
        }
    }

    /// With the listeners for next hops of other transports.
    pub(crate) fn through(self, listeners: &Listeners) -> Self {
        let listeners = listeners.clone();
        Self { listeners, ..self }
    }

    /// With the numbers of the early dialog that it was (RFC 3261 §13.2.2.4: the rest counts anew).
    pub(crate) fn after(self, early: &Self) -> Self {
        Self {
            local_cseq: early.local_cseq,
            remote_cseq: early.remote_cseq,
            ..self
        }
    }

    /// The connection of the dialog has ended: the next request takes a new one.
    pub(crate) fn disconnect(&mut self) {
        self.connected = false;
    }

    /// The peer's tag.
    pub(crate) fn remote_tag(&self) -> &str {
        &self.remote_tag
    }

    /// Whether the Call-ID is ours: it says who waits longer after a glare (RFC 3261 §14.1).
    pub(crate) fn owns_call_id(&self) -> bool {
        self.ours
    }

    /// Where its requests go in the end: the peer's Contact.
    pub(crate) fn target(&self) -> &Uri {
        &self.target
    }

    /// The path of the message that made the dialog.
    pub(crate) fn flow(&self) -> Flow {
        self.flow
    }

    /// Whether the peer's request number `cseq` is new (RFC 3261 §12.2.2). One that is equal would
    /// be a retransmission, which its transaction absorbs, or a copy that came by another way.
    pub(crate) fn is_in_order(&self, cseq: u32) -> bool {
        self.remote_cseq.is_none_or(|last| cseq > last)
    }

    /// Notes the number of a request of the peer, whatever becomes of it; says whether it is new.
    pub(crate) fn saw(&mut self, cseq: u32) -> bool {
        let new = self.is_in_order(cseq);
        if new {
            self.remote_cseq = Some(cseq);
        }
        new
    }

    /// Takes the remote target of a re-INVITE or UPDATE that is accepted, or of its 2xx
    /// (RFC 3261 §12.2.1.2, §12.2.2).
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Some(contact) = headers.contact() {
            self.target = contact;
        }
    }

    /// Begins the next request in this dialog (RFC 3261 §12.2.1.1).
    pub(crate) fn request(&mut self, method: Method, via: String) -> Builder {
        let number = self.next_number();
        self.numbered(method, number, via)
    }

    /// The number of the last request.
    pub(crate) fn number(&self) -> u32 {
        self.local_cseq
    }

    /// A number for a request that is sent once more.
    pub(crate) fn next_number(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// Begins the ACK of a 2xx to our INVITE number `cseq` (RFC 3261 §13.2.2.4).
    pub(crate) fn ack(&self, cseq: u32, via: String) -> Builder {
        self.numbered(Method::ACK, cseq, via)
    }

    fn numbered(&self, method: Method, cseq: u32, via: String) -> Builder {
        let target = self.target.clone().without_headers();
        let (uri, routes): (_, Cow<'_, [NameAddr]>) = match self.routes.split_first() {
            Some((first, rest)) if !is_loose(first) => {
                // A strict router wants to find itself in the Request-URI.
                let mut routes = rest.to_vec();
                routes.push(NameAddr::new(target));
                (first.uri.clone().without_headers(), routes.into())
            }
            _ => (target, Cow::Borrowed(&self.routes)),
        };
        Request::builder(method, uri)
            .via(via)
            .header("Max-Forwards", "70")
            .routes(&*routes)
            .from(&self.local)
            .to(&self.remote)
            .call_id(&self.call_id)
            .cseq(cseq)
    }

    /// Where requests in this dialog go: the first of the route set, else the remote target; a
    /// name, a transport or an address family for which we have no listener, or an address that means
    /// something else here than at the peer is not followed.
    pub(crate) fn next_hop(&self) -> Flow {
        let uri = self.routes.first().map_or(&self.target, |route| &route.uri);
        let (Some(transport), Some(ip)) = (self.transport_of(uri), uri.ip()) else {
            return self.flow;
        };
        let local = self.flow.local;
        let local = if transport == self.flow.transport && local.is_ipv4() == ip.is_ipv4() {
            Some(local)
        } else {
            self.listeners.towards(transport, ip)
        };
        let Some(local) = local else {
            return self.flow;
        };
        // A peer that came over a connection is at its other end, whatever port its Contact names: it
        // may listen nowhere, or be behind NAT.
        let here = self.connected && transport.is_reliable() && ip == self.flow.remote.ip();
        if here && transport == self.flow.transport || !self.can_reach(ip) {
            return self.flow;
        }
        Flow {
            transport,
            local,
            remote: SocketAddr::new(ip, uri.port().unwrap_or(transport.port())),
            // Whoever has proven a name must do so wherever it sends us: TLS is never left.
            name: self.flow.name,
        }
    }

    /// The transport that a URI asks for, if it can be followed. One that names none is taken to mean
    /// that of the dialog, although RFC 3263 §4.1 says UDP: peers that speak TCP only forget to say so.
    /// A dialog that nobody can listen to stays so, and who came as a WebSocket is nowhere else.
    fn transport_of(&self, uri: &Uri) -> Option<Transport> {
        let ours = self.flow.transport;
        let named = match (uri.scheme(), uri.param("transport")) {
            ("sips", None) => Transport::Tls,
            ("sips", Some(name)) if name.eq_ignore_ascii_case("tcp") => Transport::Tls,
            ("sip", None) => ours,
            ("sip", Some(name)) => {
                let known = [Transport::Udp, Transport::Tcp, Transport::Tls];
                let named = |it: &Transport| name.eq_ignore_ascii_case(it.param());
                known.into_iter().find(named)?
            }
            _ => return None,
        };
        let can_follow = !ours.is_inbound_only() && (named.is_secure() || !ours.is_secure());
        can_follow.then_some(named)
    }

    /// Whether the peer may send us there. Only one that is on this host itself may name it: another
    /// could aim our requests at what listens behind the loopback address, or at many at once.
    fn can_reach(&self, ip: IpAddr) -> bool {
        let bare = ip.to_canonical();
        let odd = bare.is_loopback()
            || bare.is_unspecified()
            || bare.is_multicast()
            || bare == IpAddr::V4(Ipv4Addr::BROADCAST);
        let here = self.flow.remote.ip().to_canonical().is_loopback();
        here || !odd
    }
}

fn is_loose(route: &NameAddr) -> bool {
    route.uri.param("lr").is_some()
}

/// Where the answers to a request go, once its top Via is stamped (RFC 3261 §18.2.2, RFC 3581 §4): on
/// a stream, over the connection that it came on.
/// `maddr` is not followed: it would let anybody aim our answers.
pub(crate) fn answer_flow(flow: Flow, via: Via<'_>) -> Flow {
    if via.wants_rport() || flow.transport.is_reliable() {
        return flow;
    }
    Flow {
        remote: SocketAddr::new(flow.remote.ip(), via.port().unwrap_or(PORT)),
        ..flow
    }
}

//! Between a tenant's nouns of where SIP goes and those of the endpoint.

use model::{Hop, PeerName};
use sip::Flow;

/// How the endpoint names a transport.
pub fn transport(of: model::Transport) -> sip::Transport {
    match of {
        model::Transport::Udp => sip::Transport::Udp,
        model::Transport::Tcp => sip::Transport::Tcp,
        model::Transport::Tls => sip::Transport::Tls,
        model::Transport::Ws => sip::Transport::Ws,
        model::Transport::Wss => sip::Transport::Wss,
    }
}

/// The peer's end of a flow.
pub(crate) fn hop(flow: Flow) -> Hop {
    let transport = match flow.transport {
        sip::Transport::Udp => model::Transport::Udp,
        sip::Transport::Tcp => model::Transport::Tcp,
        sip::Transport::Tls => model::Transport::Tls,
        sip::Transport::Ws => model::Transport::Ws,
        sip::Transport::Wss => model::Transport::Wss,
    };
    Hop {
        transport,
        address: flow.remote,
        name: flow.name.map(|sip::PeerName(number)| PeerName(number)),
    }
}

//! What a policy saw: calls, conferences, a wish to transfer.

use std::{net::SocketAddr, sync::Arc};

use model::{
    Address, CallDirection, CallId, ConferenceId, ConferenceView, Hop, Target, Transport,
    turn::{Asked, CallView, Join, Phase},
};
use serde::{Deserialize, Serialize};

use super::{maybe, text};

/// A call.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct CallOf(#[serde(with = "CallForm")] pub(crate) CallView);

#[derive(Serialize, Deserialize)]
#[serde(remote = "CallView")]
struct CallForm {
    #[serde(with = "text")]
    id: CallId,
    #[serde(with = "DirectionForm")]
    direction: CallDirection,
    #[serde(with = "PhaseForm")]
    phase: Phase,
    #[serde(with = "text")]
    from: Address,
    #[serde(with = "text")]
    to: Address,
    user_data: String,
    #[serde(with = "headers", default, skip_serializing_if = "headers::none")]
    headers: Arc<[(String, String)]>,
    #[serde(with = "maybe", default, skip_serializing_if = "Option::is_none")]
    bridged: Option<CallId>,
    #[serde(with = "maybe", default, skip_serializing_if = "Option::is_none")]
    conference: Option<ConferenceId>,
    operations: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CallDirection", rename_all = "kebab-case")]
pub(super) enum DirectionForm {
    Inbound,
    Outbound,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Phase", rename_all = "kebab-case")]
enum PhaseForm {
    Offered,
    Dialling,
    Ringing,
    Answered,
    Released,
}

mod headers {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Headers = Arc<[(String, String)]>;

    pub(super) fn serialize<S: Serializer>(all: &Headers, to: S) -> Result<S::Ok, S::Error> {
        all.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Headers, D::Error> {
        Vec::deserialize(from).map(Arc::from)
    }

    pub(super) fn none(all: &Headers) -> bool {
        all.is_empty()
    }
}

/// A conference.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ConferenceOf(#[serde(with = "ConferenceForm")] pub(crate) ConferenceView);

#[derive(Serialize, Deserialize)]
#[serde(remote = "ConferenceView")]
struct ConferenceForm {
    #[serde(with = "text")]
    id: ConferenceId,
    name: String,
    size: u32,
}

/// A wish to transfer. Where the dialog of one that is attended can be asked is of the day, and the policy
/// does not see it: only that there is one, and its Replaces, which goes into what is constructed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedForm {
    #[serde(with = "text")]
    call: CallId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
}

impl From<&Asked> for AskedForm {
    fn from(asked: &Asked) -> Self {
        Self {
            call: asked.call,
            replaces: asked.join.as_ref().map(|join| join.replaces.clone()),
        }
    }
}

impl From<AskedForm> for Asked {
    fn from(form: AskedForm) -> Self {
        let hop = Hop {
            transport: Transport::Udp,
            address: SocketAddr::from(([127, 0, 0, 1], 5060)),
            name: None,
        };
        let join = form.replaces.map(|replaces| Join {
            target: Target::from(hop),
            replaces,
        });
        Self {
            call: form.call,
            join,
        }
    }
}

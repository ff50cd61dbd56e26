//! How a trunk is registered with its carrier, as a body tells it.

use model::{
    Login, Peer, Register, Transport,
    limits::{REGISTER_LONGEST, REGISTER_SHORTEST},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{body::Fields, path};

/// For how many seconds we ask, if nobody says.
const EXPIRES: u32 = 3_600;

/// How we register with the carrier: it sends the calls of this user to us. Its password is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Register)]
pub(crate) struct RegisterBody {
    /// The user.
    #[schema(example = "acme")]
    user: String,
    /// Where its registrar is; absent: at the trunk's gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    registrar: Option<String>,
    /// For how many seconds we ask.
    expires: u32,
}

/// How we register with the carrier, by REGISTER and digest (RFC 3261 §10.2): it sends the calls of this
/// user to our Contact, which names the trunk. Such a call is the trunk's if it comes from its registrar,
/// its gateways or `accept_from`. Its number is that of P-Called-Party-ID, else that of To.
#[derive(ToSchema)]
#[schema(as = NewRegister)]
#[allow(dead_code)] // read member by member; this is how the document says so
pub(crate) struct NewRegister {
    /// The user, which also answers challenges of calls if the trunk has no `auth`.
    #[schema(example = "acme")]
    user: String,
    /// Its password.
    password: String,
    /// Where its registrar is: an IP address and a port, or a name, over the trunk's transport. It is the
    /// host of the user's address too. Absent: the trunk's gateways.
    #[schema(value_type = Option<String>, example = "sip.example.com")]
    registrar: Option<Peer>,
    /// For how many seconds we ask, 60 to 86400; default 3600.
    #[schema(required = false, default = 3_600, minimum = 60, maximum = 86_400)]
    expires: u32,
}

/// Reads it, for a trunk of that transport.
pub(super) fn read(fields: &mut Fields<'_>, transport: Transport) -> Option<Register> {
    let user = fields.checked("user", path::secret);
    let password = fields.checked("password", path::secret);
    let registrar = fields.optional_checked("registrar", |text| path::gateway(text, transport));
    let expires = fields.number("expires", Some(EXPIRES))?;
    let (least, most) = (REGISTER_SHORTEST, REGISTER_LONGEST);
    if !(least..=most).contains(&expires) {
        return fields.refuse("expires", &format!("is not {least} to {most}"));
    }
    Some(Register {
        login: Login {
            user: user?,
            password: password?,
        },
        registrar: registrar?,
        expires,
    })
}

impl From<Register> for RegisterBody {
    fn from(register: Register) -> Self {
        Self {
            user: register.login.user,
            registrar: register.registrar.as_ref().map(Peer::to_string),
            expires: register.expires,
        }
    }
}

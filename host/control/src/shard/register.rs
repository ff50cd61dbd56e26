//! Phones that register: who may, what becomes of it, and the answer. RFC 3261 §10.3.
//!
//! A REGISTER goes out to whoever owns the rows, and is answered when they are durable and every shard
//! knows them: a phone that has its 200 can be called.

use std::sync::Arc;

use model::{Binding, Now, TenantConfig, TenantId, limits};
use sip::{Conduct, Identity, RequestId, Unproven};

use super::Shard;
use crate::{
    News, Output, Ticket,
    door::Verdict,
    registrar::{Refused, Registration, listed},
};

/// A REGISTER that waits for its bindings to be durable.
#[derive(Debug)]
pub(super) struct Registering {
    request: RequestId,
    registration: Arc<Registration>,
}

impl Shard {
    /// A request has come that begins something.
    pub(super) fn unproven(&mut self, now: Now, asked: Box<Unproven>) {
        match asked.request().method().as_str() {
            "REGISTER" => self.register(now, asked),
            "INVITE" => self.caller(now, asked),
            _ => self.pinged(now, asked),
        }
    }

    /// A phone that registered may ask whether we are there; nobody else needs to know.
    fn pinged(&mut self, now: Now, asked: Box<Unproven>) {
        let input = if self.locations.know(asked.flow()) {
            let proven = None;
            sip::Input::Admit { asked, proven }
        } else {
            let status = 403;
            sip::Input::Refuse { asked, status }
        };
        self.sip.handle_input(now.mono, input);
    }

    /// Somebody calls whom no address tells.
    fn caller(&mut self, now: Now, asked: Box<Unproven>) {
        let claimed = asked.request().headers().from().uri();
        let stranger = asked.is_stranger();
        let verdict = self.identify(now, &asked, claimed);
        let input = match verdict {
            // Whose credentials are for somebody behind us.
            Verdict::Nobodys if !stranger => sip::Input::Admit {
                asked,
                proven: None,
            },
            Verdict::Proven(tenant, user) => {
                let realm = tenant.domain.clone();
                let proven = Some(Identity { realm, user });
                sip::Input::Admit { asked, proven }
            }
            other => turned_away(asked, other),
        };
        self.sip.handle_input(now.mono, input);
    }

    fn register(&mut self, now: Now, asked: Box<Unproven>) {
        let headers = asked.request().headers();
        let Some(of) = headers.to().uri() else {
            return;
        };
        let verdict = self.identify(now, &asked, Some(of.clone()));
        let (tenant, user) = match verdict {
            Verdict::Proven(tenant, user) => (tenant, user),
            other => {
                let input = turned_away(asked, other);
                return self.sip.handle_input(now.mono, input);
            }
        };
        let registration = Registration::read(asked.request().headers(), asked.flow());
        let request = self.sip.new_request();
        let begin = sip::Input::Begin { asked, request };
        self.sip.handle_input(now.mono, begin);
        if of.user() != Some(user.as_str()) {
            // Nobody registers for somebody else.
            return self.refuse_register(now, request, Refused::new(403, "another's address"));
        }
        match registration {
            Ok(registration) => self.put_registration(now, &tenant, user, request, registration),
            Err(refused) => self.refuse_register(now, request, refused),
        }
    }

    fn put_registration(
        &mut self,
        now: Now,
        tenant: &TenantConfig,
        user: String,
        request: RequestId,
        registration: Registration,
    ) {
        if registration.only_lists() {
            let bindings = self.locations.of(tenant.id, &user);
            let headers = accepted(&registration, bindings, now.unix_ms);
            return self.answer_register(now, request, 200, headers);
        }
        if self.registering.len() >= limits::REGISTERING {
            let busy = Refused::new(503, "too many phones register at one time");
            return self.refuse_register(now, request, busy);
        }
        let registration = Arc::new(registration);
        let ticket = self.ticket();
        self.registering.insert(
            ticket,
            Registering {
                request,
                registration: Arc::clone(&registration),
            },
        );
        self.out.push_back(Output::Register {
            ticket,
            tenant: tenant.id,
            user,
            registration,
        });
    }

    /// The bindings of a REGISTER are durable and published, or it is refused.
    pub(super) fn registered(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: Result<Arc<[Binding]>, Refused>,
    ) {
        let Some(registering) = self.registering.remove(&ticket) else {
            return;
        };
        let request = registering.request;
        match result {
            Ok(bindings) => {
                let headers = accepted(&registering.registration, &bindings, now.unix_ms);
                self.answer_register(now, request, 200, headers);
            }
            Err(refused) => self.refuse_register(now, request, refused),
        }
    }

    /// The bindings of a phone have changed.
    pub(super) fn located(&mut self, tenant: TenantId, user: &str, bindings: Arc<[Binding]>) {
        let known = self.tenants.get(&tenant);
        // A phone that was deleted meanwhile stays deleted.
        if known.is_some_and(|tenant| tenant.secrets.contains_key(user)) {
            for binding in bindings.iter() {
                let (source, conduct) = (binding.hop.address.ip(), Conduct::Proven);
                self.out.push_back(Output::Conduct { source, conduct });
            }
            self.locations.set(tenant, user, bindings);
        }
    }

    fn refuse_register(&mut self, now: Now, request: RequestId, refused: Refused) {
        tracing::debug!(status = refused.status, why = refused.why, "not registered");
        let headers = refused.header().into_iter().collect();
        self.answer_register(now, request, refused.status, headers);
    }

    fn answer_register(
        &mut self,
        now: Now,
        request: RequestId,
        status: u16,
        headers: Vec<(&'static str, String)>,
    ) {
        *self.registrations.entry(status).or_default() += 1;
        let answer = sip::Input::Answer {
            request,
            status,
            headers,
        };
        self.sip.handle_input(now.mono, answer);
    }

    fn identify(&mut self, now: Now, asked: &Unproven, claimed: Option<sip::Uri>) -> Verdict {
        let Some(claimed) = claimed else {
            return Verdict::Nobodys;
        };
        let random = self.ids.number() as u32;
        let verdict = self
            .door
            .identify(now, &self.tenants, asked, &claimed, random);
        if let Some(guess) = self.door.learned() {
            self.out.push_back(Output::News(News::Guess(guess)));
        }
        verdict
    }
}

/// The answer to whoever has not proven who it is.
fn turned_away(asked: Box<Unproven>, verdict: Verdict) -> sip::Input {
    match verdict {
        Verdict::Challenged(challenges) => sip::Input::Challenge { asked, challenges },
        Verdict::Elsewhere => {
            let status = 400;
            sip::Input::Refuse { asked, status }
        }
        Verdict::Nobodys | Verdict::Locked | Verdict::Proven(..) => {
            let status = 403;
            sip::Input::Refuse { asked, status }
        }
    }
}

/// What a 200 to REGISTER says: every binding, the Path (RFC 3327 §5.3), whether flows are kept (RFC
/// 5626 §6), and the time, for phones without a clock.
fn accepted(
    registration: &Registration,
    bindings: &[Binding],
    unix_ms: u64,
) -> Vec<(&'static str, String)> {
    let contacts = listed(bindings, unix_ms);
    let contacts = contacts.into_iter().map(|contact| ("Contact", contact));
    let path = registration.path().iter();
    let path = path.map(|uri| ("Path", uri.clone()));
    let keeps_flow = registration.keeps_flow();
    let require = keeps_flow.then(|| ("Require", "outbound".to_owned()));
    let date = ("Date", sip::wire::date(unix_ms));
    contacts.chain(path).chain(require).chain([date]).collect()
}

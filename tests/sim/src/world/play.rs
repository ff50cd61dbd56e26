//! Playing in the world: tenants move in, people dial, ask and hang up, time passes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use control::guard::Known;
use control::phone::{self, PhoneConfig};
use control::{Input, Named, Ticket};
use media::sdp::Codec;
use model::{
    Answer, Ask, Cause, IdSource, Origin, Peer, Recording, RecordingState, Request, RequestId,
    TenantConfig, TenantId, draw_ladder,
};

use super::{Deed, Happening, World};
use crate::{
    Fate, Hand, Sabotage,
    line::TONES,
    mishap::Mishap,
    town::{CALLERS, NODE, node_for},
};

/// Longer than anything lingers when nobody is in a call any more: what is due then is a leak.
const LINGERING: Duration = Duration::from_secs(300);

/// Longer than any BYE is repeated: 64·T1, and what the other leg takes after that.
const PARTING: Duration = Duration::from_secs(100);

/// Steps that no scenario needs: whoever takes them runs in a circle.
const CIRCLE: u64 = 3_000_000;

impl World {
    /// Keeps the audio of a prompt, which tenants name by its digest.
    pub fn keep_prompt(&mut self, digest: &str, prompt: media::Prompt) {
        self.prompts.insert(digest.into(), Arc::new(prompt));
    }

    /// A tenant moves in, with a telephone for each line and each trunk. Its place is returned.
    pub fn add_tenant(&mut self, config: TenantConfig) -> usize {
        let place = self.tenants.len();
        let config = std::sync::Arc::new(config);
        self.tenants.push(config.clone());
        let lines = config.phones.values();
        let lines = lines.map(|p| (p.user.clone(), p.address, p.transport));
        let trunks = config
            .trunks
            .iter()
            .flat_map(|t| (1..).zip(t.gateways()).map(move |gateway| (t, gateway)))
            .map(|(t, (nth, (peer, ..)))| {
                // Who is at a name somebody must tell: there is no DNS.
                let address = match peer {
                    Peer::At(address) => Some(*address),
                    Peer::Named(..) => None,
                };
                let name = match nth {
                    1 => t.prefixes[0].clone(),
                    nth => format!("{}-{nth}", t.prefixes[0]),
                };
                (name, address, t.transport)
            });
        for (user, address, transport) in lines.chain(trunks) {
            if let Some(sip) = address {
                self.add_line(place, &user, sip, transport);
            }
        }
        for shard in 0..self.node.shards.len() {
            self.input(shard, Input::Tenant(config.clone()));
        }
        self.node.guard.know(Known::of(self.tenants.iter()));
        place
    }

    /// A name of gateways leads there from now on.
    pub fn locate(&mut self, named: Named) {
        let named = std::sync::Arc::new(named);
        for shard in 0..self.node.shards.len() {
            self.input(shard, Input::Named(named.clone()));
        }
    }

    /// A telephone that is at no fixed address gets one: from there it will register. Its place is
    /// returned.
    pub fn add_phone(&mut self, tenant: usize, user: &str, sip: SocketAddr) -> usize {
        self.add_phone_over(model::Transport::Udp, tenant, user, sip)
    }

    /// The same, and it speaks over this.
    pub fn add_phone_over(
        &mut self,
        transport: model::Transport,
        tenant: usize,
        user: &str,
        sip: SocketAddr,
    ) -> usize {
        self.add_line(tenant, user, sip, transport)
    }

    pub(super) fn add_line(
        &mut self,
        tenant: usize,
        user: &str,
        sip: SocketAddr,
        transport: model::Transport,
    ) -> usize {
        let rtp = SocketAddr::new(sip.ip(), 4_000);
        let (domain, seed) = (self.tenants[tenant].domain.clone(), self.chance.seed());
        let mut settings = phone::PhoneConfig::new(user, &domain, sip, rtp, seed);
        settings.transport = control::hop::transport(transport);
        let tone = TONES[self.lines.len() % TONES.len()];
        self.lines.push(crate::Line::new(tenant, settings, tone));
        self.lines.len() - 1
    }

    /// A tenant that lives there has another configuration from now on; its telephones stay.
    pub fn change_tenant(&mut self, place: usize, config: TenantConfig) {
        let config = std::sync::Arc::new(config);
        self.tenants[place] = config.clone();
        for shard in 0..self.node.shards.len() {
            self.input(shard, Input::Tenant(config.clone()));
        }
    }

    /// The telephone of that number.
    pub fn line(&self, tenant: usize, user: &str) -> usize {
        let wanted = |line: &crate::Line| line.tenant == tenant && line.user == user;
        let found = self.lines.iter().position(wanted);
        found.unwrap_or_else(|| panic!("tenant {tenant} has no telephone {user}"))
    }

    /// Another telephone takes the place of that one, which is made otherwise.
    pub fn make(&mut self, line: usize, change: impl FnOnce(&mut PhoneConfig)) {
        let mut config = self.lines[line].phone.config().clone();
        change(&mut config);
        self.lines[line].phone = phone::Phone::new(config);
    }

    /// The same, which knows these codecs, best first.
    pub fn set_codecs(&mut self, line: usize, codecs: &[Codec]) {
        self.make(line, |it| it.codecs = codecs.to_vec());
    }

    /// The same, whose audio is encrypted so.
    pub fn set_srtp(&mut self, line: usize, srtp: model::Srtp) {
        self.make(line, |it| it.srtp = srtp);
    }

    /// The connection of a telephone is lost, with all that is under way on it; both sides notice. The
    /// next message takes a new one; over WebSocket only the telephone can make it.
    pub fn lose_connection(&mut self, line: usize) {
        let sip = self.lines[line].sip();
        self.note(format_args!("the connection of {sip} is lost"));
        self.lines[line].connected = false;
        let ends = |from, to| [from, to].contains(&sip);
        self.pipes.retain(|(from, to), _| !ends(*from, *to));
        let on_it =
            |it: &Happening| matches!(it, Happening::Arrive { from, to, .. } if ends(*from, *to));
        self.agenda.forget(on_it);
        let flow = self.flow(sip);
        for shard in 0..self.node.shards.len() {
            self.input(shard, Input::Disconnected { flow });
        }
        self.phone(
            line,
            phone::Input::Disconnected {
                from: node_for(sip),
            },
        );
    }

    /// Takes the place of a telephone: from now on a test speaks for it.
    pub fn by_hand(&mut self, line: usize) -> usize {
        let (sip, rtp) = (self.lines[line].sip(), self.lines[line].rtp());
        let user = self.lines[line].user.clone();
        self.hands.push(Hand::new(&user, sip, rtp));
        self.hands.len() - 1
    }

    /// A telephone that a test speaks for.
    pub fn hand(&mut self, hand: usize) -> &mut Hand {
        &mut self.hands[hand]
    }

    /// Sends what a test has written.
    pub fn send(&mut self, hand: usize, message: Bytes) {
        let from = self.hands[hand].address();
        self.carry(from, node_for(from), message);
    }

    /// Sends a packet of RTP that a test has written.
    pub fn send_audio(&mut self, hand: usize, packet: Vec<u8>) {
        let (from, to) = self.hands[hand].audio().expect("it is in a call");
        self.carry(from, to, packet.into());
    }

    /// The next message of that kind from a telephone to the node has that fate.
    pub fn from_line(&mut self, line: usize, what: &'static str, fate: Fate) {
        let from = self.lines[line].sip();
        self.mishaps.push(Mishap {
            from,
            to: node_for(from),
            what,
            fate,
        });
    }

    /// The next message of that kind from the node to a telephone has that fate.
    pub fn to_line(&mut self, line: usize, what: &'static str, fate: Fate) {
        let to = self.lines[line].sip();
        self.mishaps.push(Mishap {
            from: node_for(to),
            to,
            what,
            fate,
        });
    }

    /// From now on the turns of that event take so long; if that is longer than a turn may take, they
    /// fault when they have taken the whole of it.
    pub fn set_pace(&mut self, event: &'static str, takes: Duration) {
        self.paces.insert(event, takes);
    }

    /// Somebody will do that.
    pub fn at(&mut self, when: Duration, deed: Deed) {
        self.agenda.enter(self.now + when, Happening::Deed(deed));
    }

    /// A telephone does that now.
    pub fn phone(&mut self, line: usize, input: phone::Input) {
        self.at(Duration::ZERO, Deed::Phone(line, input));
        self.run_for(Duration::ZERO);
    }

    /// What a telephone does to dial that number.
    pub fn dialling(number: &str) -> phone::Input {
        Self::dialling_at(NODE, number)
    }

    fn dialling_at(node: SocketAddr, number: &str) -> phone::Input {
        let to = format!("sip:{number}@{node}");
        phone::Input::Dial {
            to: to.parse().expect("a number at an address is a URI"),
            next_hop: node,
        }
    }

    /// A telephone dials that number.
    pub fn dial(&mut self, line: usize, number: &str) {
        let node = node_for(self.lines[line].sip());
        self.phone(line, Self::dialling_at(node, number));
    }

    /// A telephone hangs up.
    pub fn hang_up(&mut self, line: usize) {
        self.phone(line, phone::Input::HangUp);
    }

    /// The user of a telephone that is in a call presses these keys, one after another.
    pub fn press(&mut self, line: usize, keys: &str) {
        self.at(Duration::ZERO, Deed::Key(line, keys.to_owned().into()));
        self.run_for(Duration::ZERO);
    }

    /// What a phone user asks over REST.
    pub fn request(&mut self, user: &str, verb: &str, body: &str) -> Ask {
        let mut ids = IdSource::new(self.chance.seed(), 1, 0);
        let origin = match verb {
            "callin" => Origin::Cti,
            _ => Origin::User,
        };
        Ask::Request(Box::new(Request {
            id: RequestId::mint(&mut ids, self.unix_ms()),
            origin,
            user: user.to_owned(),
            verb: verb.to_owned(),
            body: body.to_owned(),
        }))
    }

    /// The API asks; the ticket of the answer.
    pub fn ask(&mut self, tenant: usize, ask: Ask) -> u64 {
        let id = self.tenants[tenant].id;
        self.asked += 1;
        let ticket = self.asked;
        let shard = match &ask {
            Ask::Release { call, .. } => usize::from(call.shard()),
            Ask::Trace(session) => usize::from(session.shard()),
            Ask::Trunk(trunk) => self.node.shard_of_trunk(*trunk),
            Ask::Request(_) | Ask::Calls | Ask::Conferences => {
                ticket as usize % self.node.shards.len()
            }
        };
        self.watch.asked(ticket);
        let ask = Input::Ask {
            ticket: Ticket(ticket),
            tenant: id,
            ask,
        };
        self.input(shard, ask);
        ticket
    }

    /// The answer to a question, if it came.
    pub fn replied(&self, ticket: u64) -> Option<&Answer> {
        self.answers.get(&ticket)
    }

    /// Asks, and waits for the answer.
    pub fn answer(&mut self, tenant: usize, ask: Ask) -> Answer {
        let ticket = self.ask(tenant, ask);
        let until = self.now + Duration::from_secs(10);
        loop {
            if let Some(answer) = self.answers.get(&ticket) {
                return answer.clone();
            }
            match self.next().filter(|at| *at <= until) {
                Some(at) => self.step(at),
                None => panic!("question {ticket} is not answered"),
            }
        }
    }

    /// Asks for makecall; the status of the reply.
    pub fn makecall(&mut self, tenant: usize, user: &str, caller: &str, callee: &str) -> u16 {
        let body = format!(r#"{{"caller":"{caller}","callee":"{callee}"}}"#);
        let ask = self.request(user, "makecall", &body);
        match self.answer(tenant, ask) {
            Answer::Reply(reply) => reply.status,
            other => panic!("makecall was not replied to: {other:?}"),
        }
    }

    pub(super) fn release_any(&mut self, tenant: usize, nth: u64) {
        let id: TenantId = self.tenants[tenant].id;
        let calls: Vec<_> = self.watch.calls_of(id).collect();
        let Some(index) = nth.checked_rem(calls.len() as u64) else {
            return;
        };
        let cause = Cause::UNAVAILABLE;
        let call = calls[index as usize];
        self.ask(tenant, Ask::Release { call, cause });
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.step(at);
        }
        self.pass(until);
    }

    /// Every caller hangs up, and soon nobody may be in a call any more; time passes until nothing is
    /// due; then the books are closed.
    pub fn run_to_rest(&mut self) {
        for line in 0..self.lines.len() {
            let it = &self.lines[line];
            // Whom somebody has led to each other nobody else may part.
            let mut own = self.lines.iter().filter(|other| other.tenant == it.tenant);
            let led = own.any(|other| other.transfers);
            if it.dialled || led || CALLERS.contains(&it.user.as_str()) {
                self.hang_up(line);
            }
        }
        for line in 0..self.lines.len() {
            if self.lines[line].phone.config().login.is_some() {
                self.registers(line, 0);
            }
        }
        self.run_for(PARTING);
        for line in 0..self.lines.len() {
            self.check_free(line);
            self.check_heard(line);
            self.check_lost(line);
        }
        let until = self.now + LINGERING;
        let mut steps = 0;
        while let Some(at) = self.next() {
            steps += 1;
            if at > until || steps > CIRCLE {
                let what = format!("no rest after {steps} steps and {LINGERING:?}");
                self.watch.violated(what);
                break;
            }
            self.step(at);
        }
        self.close();
    }

    /// No telephone loses a call because its 200 was never acknowledged, or its BYE never answered: on
    /// a link that is not too bad some copy of each message arrives. But who answers an INVITE that was
    /// given up gets no ACK; and an offer of the telephone itself has fewer copies than a 200 (Timer B),
    /// and gets 481 if it crosses our BYE.
    fn check_lost(&mut self, line: usize) {
        let line = &self.lines[line];
        let (bad, good): (u8, &[u16]) = if line.reoffered {
            (10, &[200, 481])
        } else {
            (20, &[200])
        };
        if line.link.loss > bad || self.watch.gave_up(line.sip()) {
            return;
        }
        let mut answered = false;
        for (_, event) in &line.told {
            match event {
                phone::Event::Answered { .. } => answered = true,
                phone::Event::Ended { status, .. } => {
                    if answered && !good.contains(status) {
                        let what = format!("telephone {} lost its call: {status}", line.user);
                        self.watch.violated(what);
                    }
                    answered = false;
                }
                _ => {}
            }
        }
    }

    /// A telephone is free, but for a call that we gave up without knowing that it rings.
    fn check_free(&mut self, line: usize) {
        let phone = &self.lines[line].phone;
        if phone.is_idle() {
            return;
        }
        let (user, talking) = (&self.lines[line].user, phone.is_talking());
        if talking || !self.watch.gave_up(self.lines[line].sip()) {
            let what = format!("telephone {user} is in a call that is over");
            self.watch.violated(what);
        }
        self.hang_up(line);
    }

    /// A telephone hears itself never, and nobody of another tenant.
    fn check_heard(&mut self, line: usize) {
        let (tenant, user) = (self.lines[line].tenant, &self.lines[line].user);
        for heard in &self.lines[line].heard {
            let lines = self.lines.iter().enumerate();
            let mut speakers = lines.filter(|(_, l)| Some(l.tone) == heard.tone).peekable();
            let Some((_, other)) = speakers.peek().copied() else {
                continue;
            };
            // In a large town some have the same tone.
            if speakers.all(|(at, l)| at == line || l.tenant != tenant) {
                let other = &other.user;
                let what = format!("telephone {user} of tenant {tenant} heard {other}");
                self.watch.violated(what);
            }
        }
    }

    fn close(&mut self) {
        if self.is_sabotaged(Sabotage::LogError) {
            tracing::error!("an error on purpose");
        }
        self.watch.close();
        for (shard, core) in self.node.shards.iter().enumerate() {
            self.watch.shard_at_rest(shard, core.counts());
        }
        let ports: usize = self.node.planes.iter().map(media::Plane::ports).sum();
        let sockets = self.node.sockets();
        if ports + sockets > 0 {
            self.watch
                .violated(format!("at rest: {ports} ports, {sockets} sockets"));
        }
        let (conferences, members) = self.node.conferences.sizes();
        let mixed = self.planes_in_conference();
        if conferences + mixed > 0 {
            let what =
                format!("at rest: {conferences} conferences of {members} calls, {mixed} mixed");
            self.watch.violated(what);
        }
        let tapes = self.tapes.running();
        if tapes > 0 {
            self.watch.violated(format!("at rest: {tapes} tapes"));
        }
        let open = |row: &&Recording| row.state == RecordingState::Open;
        let open = self.recordings.iter().filter(open).count();
        if open > 0 {
            let what = format!("at rest: {open} recordings are still being written");
            self.watch.violated(what);
        }
        for line in &self.lines {
            let (idle, counts) = (line.phone.is_idle(), line.phone.counts());
            if !idle || counts != sip::Counts::default() {
                let user = &line.user;
                self.watch
                    .violated(format!("telephone {user} at rest: {idle} {counts:?}"));
            }
        }
    }

    /// The ladders of all sessions that ended, in the order in which those began.
    pub fn ladders(&self) -> String {
        let ladders: Vec<_> = self
            .traces()
            .iter()
            .map(|trace| draw_ladder(trace, false))
            .collect();
        ladders.join("\n")
    }
}

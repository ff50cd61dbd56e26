//! Driving the cores, as the server does: what is due is handed in, what comes out is carried on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use control::{Input, Output, guard::Verdict, phone};
use media::{Plane, PortId};
use model::{RecordingState, SessionId};
use sip::{Flow, Transport};

use super::{Deed, Happening, World, registers::Registering};
use crate::{Fate, Link, Sabotage, town::node_for, watch::Glimpse};

/// How long a word between a session shard and a media shard takes.
const MAILBOX: Duration = Duration::from_micros(200);

/// How long the files of prompts take to be read.
const READ: Duration = Duration::from_millis(2);

impl World {
    /// When something is due next.
    pub(super) fn next(&self) -> Option<Duration> {
        let shards = self
            .node
            .shards
            .iter()
            .filter_map(control::Shard::poll_timeout);
        let shards = shards.map(|at| at.saturating_duration_since(self.start));
        let lines = self
            .lines
            .iter()
            .filter_map(|line| line.poll_timeout(self.start));
        let planes = self.node.planes.iter().filter_map(Plane::poll_timeout);
        let planes = planes.map(|at| at.saturating_duration_since(self.start));
        self.agenda
            .first()
            .into_iter()
            .chain(shards)
            .chain(planes)
            .chain(lines)
            .min()
    }

    /// Does what is due next.
    pub(super) fn step(&mut self, at: Duration) {
        self.pass(at);
        match self.agenda.take(self.now) {
            Some(happening) => self.happen(happening),
            None => self.fire(),
        }
    }

    fn fire(&mut self) {
        let now = self.clock();
        for shard in 0..self.node.shards.len() {
            if self.node.shards[shard]
                .poll_timeout()
                .is_some_and(|at| at <= now.mono)
            {
                self.node.shards[shard].handle_timeout(now);
                self.drain_shard(shard);
            }
        }
        for plane in 0..self.node.planes.len() {
            self.tick(plane);
        }
        for line in 0..self.lines.len() {
            if self.lines[line]
                .phone
                .poll_timeout()
                .is_some_and(|at| at <= now.mono)
            {
                self.lines[line].phone.handle_timeout(now.mono);
                self.drain_line(line);
            }
            self.speak(line);
        }
    }

    /// The ports of a media shard say what is due.
    fn tick(&mut self, at: usize) {
        let now = self.start + self.now;
        let plane = &mut self.node.planes[at];
        if plane.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        plane.handle_timeout(now);
        self.drain_plane(at);
    }

    /// The handset of a line says what is due.
    fn speak(&mut self, line: usize) {
        let now = self.start + self.now;
        while let Some(handset) = &mut self.lines[line].handset {
            if handset.poll_timeout().is_some_and(|at| at > now) {
                return;
            }
            let to = handset.agreed().remote;
            let Some(packet) = handset.handle_tick(now) else {
                continue;
            };
            let from = self.lines[line].rtp();
            self.carry(from, to, packet.into());
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { from, to, bytes } => self.arrive(from, to, bytes),
            Happening::Commit {
                shard,
                request,
                outcome,
                attempt,
            } => self.commit(shard, request, outcome, attempt),
            Happening::Sibling { shard, flow, bytes } => {
                self.input(shard, Input::Sibling { flow, bytes });
            }
            Happening::Durable { shard, ticket, cdr } => {
                self.note(format_args!("durable {} {:?}", cdr.call, cdr.cause));
                self.records.keep(*cdr);
                self.input(shard, Input::Durable(ticket));
            }
            Happening::Register { due, fails } => self.write_bindings(*due, fails),
            Happening::Command { plane, command } => {
                let now = self.start + self.now;
                self.node.planes[plane].handle_input(now, command);
                self.drain_plane(plane);
            }
            Happening::Bind {
                plane,
                port,
                family,
            } => self.bind(plane, port, family),
            Happening::Prompts {
                shard,
                ticket,
                digests,
            } => {
                let kept = |it| Some((Arc::clone(&it), Arc::clone(self.prompts.get(&it)?)));
                let prompts = digests.into_iter().map(kept).collect();
                self.input(shard, Input::Prompts { ticket, prompts });
            }
            Happening::Report { shard, event } => self.input(shard, Input::Media(event)),
            Happening::Deed(deed) => self.perform(deed),
        }
    }

    /// A datagram reaches whoever has that address.
    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        if to == node_for(to) {
            return self.at_node(from, bytes);
        }
        if let Some(port) = self.node.port_at(to) {
            return self.at_port(port, from, &bytes);
        }
        if let Some(hand) = self.hands.iter_mut().find(|hand| hand.address() == to) {
            if let Some(answer) = hand.take(bytes) {
                self.carry(to, from, answer);
            }
            return;
        }
        let now = self.start + self.now;
        for line in 0..self.lines.len() {
            if self.lines[line].sip() == to {
                let input = phone::Input::Packet { from, bytes };
                self.lines[line].phone.handle_input(now, input);
                return self.drain_line(line);
            }
            if self.lines[line].rtp() == to {
                if let Some(handset) = &mut self.lines[line].handset {
                    handset.handle_packet(now, &bytes);
                }
                return;
            }
        }
    }

    fn at_node(&mut self, from: SocketAddr, bytes: Bytes) {
        let now = self.start + self.now;
        if self.node.guard.judge(now, from.ip()) != Verdict::Pass {
            return;
        }
        let shard = self.node.shard_of(&bytes);
        if let Some(seen) = Glimpse::of(&bytes) {
            let line = seen.line.to_owned();
            self.watch.received(self.now, from, &seen);
            self.note(format_args!("{from} > shard {shard}: {line}"));
        }
        let flow = self.flow(from);
        self.input(shard, Input::Packet { flow, bytes });
    }

    /// The flow of the node with whoever has that address.
    pub(super) fn flow(&self, remote: SocketAddr) -> Flow {
        let line = self.lines.iter().find(|line| line.sip() == remote);
        Flow {
            transport: line.map_or(Transport::Udp, crate::Line::transport),
            local: node_for(remote),
            remote,
            name: self.named.get(&remote).copied(),
        }
    }

    fn at_port(&mut self, port: PortId, from: SocketAddr, bytes: &[u8]) {
        let Some(socket) = self.node.socket(port) else {
            return;
        };
        if socket.peer.is_some_and(|peer| peer != from) {
            return; // as the kernel does with packets for a connected socket
        }
        let mut datagram = bytes.to_vec();
        let now = self.start + self.now;
        let plane = &mut self.node.planes[socket.plane];
        let forward = plane.handle_packet(now, port, from, &mut datagram);
        self.drain_plane(socket.plane);
        let Some(forward) = forward else { return };
        let via = self.node.socket(forward.via).and_then(|via| via.address);
        if let Some(via) = via {
            datagram.truncate(forward.len);
            self.carry(via, forward.to, datagram.into());
        }
    }

    /// Gives a shard an input, and carries out what it wants.
    pub(super) fn input(&mut self, shard: usize, input: Input) {
        let now = self.clock();
        self.node.shards[shard].handle_input(now, input);
        self.drain_shard(shard);
    }

    fn drain_shard(&mut self, shard: usize) {
        while let Some(output) = self.node.shards[shard].poll_output() {
            match output {
                Output::Transmit { flow, .. } if self.is_unreachable(flow) => {
                    self.note(format_args!("> {}: nobody is connected", flow.remote));
                    self.input(shard, Input::Disconnected { flow });
                }
                Output::Transmit { flow, bytes } => {
                    self.prove(flow);
                    self.transmit(flow.remote, bytes);
                }
                Output::Sibling { shard, flow, bytes } => {
                    let shard = usize::from(shard);
                    let said = Happening::Sibling { shard, flow, bytes };
                    self.agenda.enter(self.now + MAILBOX, said);
                }
                Output::RunTurn(request) => self.begin_turn(shard, request),
                Output::News(news) => {
                    for other in (0..self.node.shards.len()).filter(|other| *other != shard) {
                        self.input(other, Input::News(news.clone()));
                    }
                }
                Output::Media { session, command } => self.command(shard, session, command),
                Output::Prompts {
                    ticket, digests, ..
                } => {
                    let read = Happening::Prompts {
                        shard,
                        ticket,
                        digests,
                    };
                    self.agenda.enter(self.now + READ, read);
                }
                Output::Cdr { ticket, cdr } => self.record(shard, ticket, cdr),
                Output::Recording(row) => self.recordings.push(*row),
                Output::RecordingFailed(id) => {
                    self.recording_ended(&id.to_string(), RecordingState::Failed);
                }
                Output::Trace(trace) => {
                    self.watch.trace(&trace);
                    let ladder = model::draw_ladder(&trace, true);
                    self.note(format_args!("trace {}\n{ladder}", trace.session));
                    self.traces.push(*trace);
                }
                Output::Reply { ticket, answer } => {
                    self.watch.replied(ticket.0);
                    self.answers.insert(ticket.0, answer);
                }
                Output::Log(log) => self.logs.push(*log),
                Output::Conduct { source, conduct } => {
                    let now = self.start + self.now;
                    self.node.guard.note(now, source, conduct);
                }
                Output::Register {
                    ticket,
                    tenant,
                    user,
                    registration,
                } => self.register(Registering {
                    shard,
                    ticket,
                    tenant,
                    user,
                    registration,
                }),
            }
        }
        self.watch.settled();
    }

    /// A connection is for one name: over one of another name nothing may go.
    fn prove(&mut self, flow: Flow) {
        match (self.named.get(&flow.remote).copied(), flow.name) {
            (None, Some(name)) => {
                self.named.insert(flow.remote, name);
            }
            (proven, wanted) if proven != wanted => {
                let what = format!("{} is given what is for {wanted:?}", flow.remote);
                self.watch.violated(what);
            }
            _ => {}
        }
    }

    /// Whether it would take a connection that only the peer could make, and has not.
    fn is_unreachable(&self, flow: Flow) -> bool {
        let connected = |line: &crate::Line| line.connected && line.sip() == flow.remote;
        flow.transport.is_inbound_only() && !self.lines.iter().any(connected)
    }

    fn transmit(&mut self, to: SocketAddr, bytes: Bytes) {
        let Some(seen) = Glimpse::of(&bytes) else {
            return self.watch.violated(format!("a message to {to} is no SIP"));
        };
        self.watch
            .sent(self.now, to, &seen, |call| self.records.get(call));
        let line = seen.line.to_owned();
        let refused = seen.status.is_some_and(|s| s >= 400) && seen.method == "INVITE";
        self.note(format_args!("> {to}: {line}"));
        if refused && self.is_sabotaged(Sabotage::RefuseTwice) {
            let text = String::from_utf8_lossy(&bytes);
            let again = text.replacen(&line[..11], "SIP/2.0 606", 1);
            if let Some(seen) = Glimpse::of(again.as_bytes()) {
                self.watch
                    .sent(self.now, to, &seen, |call| self.records.get(call));
            }
        }
        self.carry(node_for(to), to, bytes);
    }

    fn record(&mut self, shard: usize, ticket: control::Ticket, cdr: Box<model::Cdr>) {
        if cdr.end.is_some() && self.is_sabotaged(Sabotage::SwallowCdr) {
            return self.input(shard, Input::Durable(ticket));
        }
        self.watch.record(&cdr);
        let lie = cdr.answer.is_some() && self.is_sabotaged(Sabotage::LieAboutDurability);
        if let Some(due) = self.records.due(self.now) {
            self.agenda
                .enter(due, Happening::Durable { shard, ticket, cdr });
        }
        if lie {
            self.input(shard, Input::Durable(ticket));
        }
    }

    fn command(&mut self, shard: usize, session: SessionId, command: media::Command) {
        self.watch.media(session, &command);
        let plane = self.node.plane_of(session);
        if let media::Command::Open { port, .. }
        | media::Command::Announce { port, .. }
        | media::Command::Overhear { port, .. } = command
        {
            self.node.ask_port(port, shard, plane);
        }
        let closes = matches!(command, media::Command::Close { .. });
        if closes && self.is_sabotaged(Sabotage::LeakPort) {
            return;
        }
        let happening = Happening::Command { plane, command };
        self.agenda.enter(self.now + MAILBOX, happening);
    }

    fn drain_plane(&mut self, plane: usize) {
        while let Some((forward, packet)) = self.node.planes[plane].poll_packet() {
            let bytes = Bytes::copy_from_slice(packet);
            if let Some(via) = self.node.socket(forward.via).and_then(|via| via.address) {
                self.carry(via, forward.to, bytes);
            }
        }
        while let Some(output) = self.node.planes[plane].poll_output() {
            match output {
                media::plane::Output::Bind { port, family } => {
                    let at = self.now + self.options.ports.draw(&mut self.chance);
                    self.agenda.enter(
                        at,
                        Happening::Bind {
                            plane,
                            port,
                            family,
                        },
                    );
                }
                media::plane::Output::Unbind { port } => self.node.unbind(port),
                media::plane::Output::Connect { port, peer } => {
                    self.node.hear(port, Some(peer));
                }
                media::plane::Output::Disconnect { port } => self.node.hear(port, None),
                media::plane::Output::Tape(word) => self.tape(plane, word),
                media::plane::Output::Event(event) => self.report(event),
            }
        }
    }

    fn tape(&mut self, plane: usize, word: media::tape::Word) {
        let taken = self.tapes.take(plane, &mut self.node.planes[plane], word);
        match taken {
            Ok(Some((file, state))) => self.recording_ended(&file, state),
            Ok(None) => {}
            Err(what) => self.watch.violated(what),
        }
    }

    fn recording_ended(&mut self, file: &str, state: RecordingState) {
        let mut rows = self.recordings.iter_mut();
        match rows.find(|row| row.id.to_string() == file) {
            Some(row) => row.state = state,
            None => self.watch.violated(format!("{file} has no row")),
        }
    }

    fn report(&mut self, event: media::Event) {
        if let Some(socket) = self.node.socket(event.port()) {
            let shard = socket.shard;
            let happening = Happening::Report { shard, event };
            self.agenda.enter(self.now + MAILBOX, happening);
        }
    }

    fn bind(&mut self, plane: usize, port: PortId, family: media::Family) {
        let bound = if self.chance.percent(self.options.ports.fails) {
            Err("no socket on a bad day".to_owned())
        } else {
            let address = self.node.bind(port, family);
            address.ok_or_else(|| "nobody asked for it".to_owned())
        };
        self.node.planes[plane].handle_bound(port, bound);
        self.drain_plane(plane);
    }

    pub(super) fn drain_line(&mut self, line: usize) {
        while let Some(output) = self.lines[line].phone.poll_output() {
            match output {
                phone::Output::Transmit { to, bytes } => {
                    let from = self.lines[line].sip();
                    self.carry(from, to, bytes);
                }
                phone::Output::Event(event) => self.phone_event(line, event),
            }
        }
        self.speak(line);
    }

    fn phone_event(&mut self, line: usize, event: phone::Event) {
        let (now, audio) = (self.now, self.options.audio);
        if let phone::Event::Incoming { from, .. } = &event {
            let tenant = self.lines[line].tenant;
            let stranger = self.is_sabotaged(Sabotage::CrossTenants);
            if from.host() != self.tenants[tenant].domain || stranger {
                let user = &self.lines[line].user;
                let what = format!("{user} of tenant {tenant} was called by {}", from.host());
                self.watch.violated(what);
            }
        }
        self.lines[line].tell(now, event, audio);
    }

    /// A datagram sets out.
    pub(super) fn carry(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.sip() == from) {
            line.connected = true;
        }
        let party = |line: &&crate::Line| [from.ip(), to.ip()].contains(&line.sip().ip());
        let link = self
            .lines
            .iter()
            .find(party)
            .map_or(Link::CALM, |line| line.link);
        let stream = |line: &crate::Line| {
            let is_party = [from, to].contains(&line.sip());
            is_party && line.transport().is_reliable()
        };
        if self.lines.iter().any(stream) {
            return self.carry_in_order(link, from, to, bytes);
        }
        let fate = self.mishap(from, to, &bytes);
        for after in link.carry(&mut self.network) {
            let mut arrive = |late: Duration| {
                let bytes = bytes.clone();
                let arrive = Happening::Arrive { from, to, bytes };
                self.agenda.enter(self.now + after + late, arrive);
            };
            match fate {
                None => arrive(Duration::ZERO),
                Some(Fate::Lost) => {}
                Some(Fate::Late(late)) => arrive(late),
                Some(Fate::Again(late)) => {
                    arrive(Duration::ZERO);
                    arrive(late);
                }
            }
        }
    }

    /// The kernels see to it that nothing is lost on a connection, and nothing overtakes.
    fn carry_in_order(&mut self, link: Link, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let late = self.network.between(Duration::ZERO, link.jitter);
        let last = self.pipes.entry((from, to)).or_default();
        *last = (*last).max(self.now + link.delay + late);
        let arrive = Happening::Arrive { from, to, bytes };
        self.agenda.enter(*last, arrive);
    }

    /// What is to befall this message; it does so once.
    fn mishap(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Option<Fate> {
        if self.mishaps.is_empty() {
            return None;
        }
        let seen = Glimpse::of(bytes)?;
        let next = self.mishaps.iter().position(|m| m.befalls(from, to, &seen));
        let fate = self.mishaps.remove(next?).fate;
        self.note(format_args!("mishap: {} to {to}: {fate:?}", seen.line));
        Some(fate)
    }

    fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Phone(line, input) => {
                self.lines[line].dialled |= matches!(input, phone::Input::Dial { .. });
                self.lines[line].reoffered |= matches!(input, phone::Input::Hold(_));
                self.lines[line].transfers |= matches!(input, phone::Input::Transfer(_));
                let now = self.start + self.now;
                self.lines[line].phone.handle_input(now, input);
                self.drain_line(line);
            }
            Deed::Key(line, keys) => {
                if let Some(handset) = &mut self.lines[line].handset {
                    handset.press(&keys);
                }
            }
            Deed::Ask(tenant, ask) => {
                self.ask(tenant, ask);
            }
            Deed::ReleaseAny(tenant, nth) => self.release_any(tenant, nth),
            Deed::FillDisk => self.fill_disk(),
            Deed::Forget(tenant) => {
                let tenant = self.tenants[tenant].id;
                for shard in 0..self.node.shards.len() {
                    self.input(shard, Input::TenantGone(tenant));
                }
            }
            Deed::Drain => {
                for shard in 0..self.node.shards.len() {
                    self.input(shard, Input::Drain);
                }
            }
            Deed::ReleaseAll => {
                for shard in 0..self.node.shards.len() {
                    self.input(shard, Input::ReleaseAll);
                }
            }
            Deed::SetClock(by) => {
                let span = Duration::from_secs(by.unsigned_abs());
                self.machine = match by {
                    0.. => self.machine + span,
                    _ => self.machine.saturating_sub(span),
                };
                self.pass(self.now);
            }
        }
    }
}

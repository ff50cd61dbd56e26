//! Recording: what a port receives and sends is copied as it is, whatever its route.
//!
//! Costs nothing where nothing is recorded. Where something is, a packet is copied into a block and that
//! is all: decoding and aligning are done by whoever gets the block.

use std::time::Instant;

use super::port::{Arrival, Content, Port, Terms};
use super::{Output, Plane};
use crate::codec::Rate;
use crate::command::{Event, PortId};
use crate::limits;
use crate::rtp::HEADER;
use crate::tape::{Block, Blocks, Channels, Entry, Side, Tape, TapeId, Word};

impl Plane {
    /// A block that was handed out may be used again.
    pub fn handle_block(&mut self, block: Block) {
        self.blocks.give_back(block);
    }

    /// A block was handed out and nobody wrote it.
    pub fn handle_block_lost(&mut self, block: Block) {
        self.blocks.lose(block);
    }

    /// The recorder cannot go on with this tape. It is told no end.
    pub fn handle_tape_failed(&mut self, tape: TapeId) {
        self.lose_tape(tape, None);
    }

    /// The recorder did not take the beginning of this tape, and knows nothing of it.
    pub fn handle_tape_refused(&mut self, tape: TapeId, file: Box<str>) {
        self.lose_tape(tape, Some(file));
    }

    fn lose_tape(&mut self, tape: TapeId, unwritten: Option<Box<str>>) {
        let taken = match self.ports.get_mut(&tape.port) {
            Some(port) => port.take_tape(|it| it.id() == tape),
            None => self.dismiss(tape.port),
        };
        let Some(taken) = taken else {
            return; // over by now
        };
        if let Some(block) = taken.end() {
            self.blocks.give_back(block);
        }
        self.tapes -= 1;
        self.tape_failed(tape, unwritten);
    }

    /// Packets that were not recorded, because no block was free.
    pub fn tape_lost(&self) -> u64 {
        self.blocks.lost()
    }

    pub(super) fn record(&mut self, now: Instant, tape: TapeId, file: Box<str>) {
        self.stop_tape(now, tape.port);
        let tapes = self.tapes;
        let port = self.ports.get_mut(&tape.port);
        let Some(port) = port.filter(|_| tapes < limits::TAPES) else {
            return self.tape_failed(tape, Some(file));
        };
        port.set_tape(Tape::new(tape, now));
        let rate = port.tape_rate();
        self.begin_tape(Word::Begin {
            tape,
            file,
            rate,
            channels: Channels::Both,
        });
    }

    pub(super) fn begin_tape(&mut self, begin: Word) {
        self.tapes += 1;
        self.blocks.reserve(self.tapes);
        self.outputs.push_back(Output::Tape(begin));
    }

    pub(super) fn stop_tape(&mut self, now: Instant, port: PortId) {
        let port = self.ports.get_mut(&port);
        if let Some(taken) = port.and_then(|port| port.take_tape(|_| true)) {
            self.end_tape(now, taken);
        }
    }

    pub(super) fn end_tape(&mut self, now: Instant, taken: Tape) {
        self.tapes -= 1;
        let (tape, lasted) = (taken.id(), taken.lasted(now));
        let last = taken.end().map(Word::Block);
        let end = Word::End { tape, lasted };
        let words = last.into_iter().chain([end]).map(Output::Tape);
        self.outputs.extend(words);
    }

    pub(super) fn tape_failed(&mut self, tape: TapeId, unwritten: Option<Box<str>>) {
        let TapeId { port, operation } = tape;
        self.report(Event::RecordFailed {
            port,
            operation,
            unwritten,
        });
    }
}

impl Port {
    pub(super) fn is_taped(&self) -> bool {
        self.tape.is_some()
    }

    /// What was received goes onto the tape.
    pub(super) fn tape_said(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &[u8],
        blocks: &mut Blocks,
    ) -> Option<Output> {
        let Content::Audio(codec) = arrival.content else {
            return None; // a key is no audio
        };
        let packet = &arrival.packet;
        let tape = self.tape.as_deref_mut()?;
        let entry = Entry {
            side: Side::Said,
            codec,
            marker: packet.fixed.marker,
            at: tape.lasted(now),
            ssrc: packet.fixed.ssrc,
            timestamp: packet.fixed.timestamp,
            payload: &datagram[packet.payload.clone()],
        };
        tape.put(blocks, &entry).map(said)
    }

    /// What is sent goes onto the tape: a packet of ours, not encrypted yet.
    pub(super) fn tape_heard(
        &mut self,
        now: Instant,
        packet: &[u8],
        blocks: &mut Blocks,
    ) -> Option<Output> {
        let Terms {
            codec,
            payload_type,
            ..
        } = self.leg.as_ref()?.terms;
        let (header, payload) = packet.split_first_chunk::<HEADER>()?;
        if header[1] & 0x7f != payload_type {
            return None; // a key is no audio
        }
        let number = |at: usize| {
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let tape = self.tape.as_deref_mut()?;
        let entry = Entry {
            side: Side::Heard,
            codec,
            marker: header[1] & 0x80 != 0,
            at: tape.lasted(now),
            ssrc: number(8),
            timestamp: number(4),
            payload,
        };
        tape.put(blocks, &entry).map(said)
    }

    fn set_tape(&mut self, tape: Tape) {
        self.tape = Some(Box::new(tape));
    }

    fn take_tape(&mut self, fits: impl FnOnce(&mut Tape) -> bool) -> Option<Tape> {
        self.tape.take_if(|tape| fits(tape)).map(|tape| *tape)
    }

    /// What its party's audio is worth recording at.
    fn tape_rate(&self) -> Rate {
        let agreed = self.leg.as_ref().map(|leg| leg.terms.codec.rate());
        agreed.unwrap_or_default()
    }
}

pub(super) fn said(block: Block) -> Output {
    Output::Tape(Word::Block(block))
}

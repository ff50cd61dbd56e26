//! What is played to the party of a port: prompts and silence, one after another, some times over.
//!
//! Owns the place within the list. It moves on by one frame for each that was sent, so a party that
//! cannot hear meanwhile (it holds us, or has not said where it is) misses nothing. Knows no packet.

use std::sync::LazyLock;

use crate::codec::Codec;
use crate::command::{Piece, Play};
use crate::prompt::Prompt;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Player {
    play: Play,
    /// Rounds that are complete.
    rounds: u32,
    piece: usize,
    frame: usize,
    /// Packets that were sent.
    sent: i64,
    /// For the last frame none was.
    paused: bool,
}

impl Player {
    pub(super) fn new(play: Play) -> Self {
        LazyLock::force(&SILENCE); // not at the tick that first wants it
        Player {
            play,
            rounds: 0,
            piece: 0,
            frame: 0,
            sent: 0,
            paused: false,
        }
    }

    /// Its number among the operations of its call.
    pub(super) fn operation(&self) -> u32 {
        self.play.operation
    }

    /// The number of the next packet, from 0.
    pub(super) fn index(&self) -> i64 {
        self.sent
    }

    /// The next 20 ms in that codec, and whether nothing was sent before; `None` if all was played.
    pub(super) fn frame(&self, codec: Codec) -> Option<(&[u8], bool)> {
        let payload = match self.next()? {
            Piece::Prompt(prompt) => prompt.frame(codec, self.frame),
            Piece::Silence { .. } => SILENCE.frame(codec, 0),
        };
        Some((payload?, self.paused))
    }

    /// Which frame of a silence is next, if one is.
    pub(super) fn silence(&self) -> Option<usize> {
        matches!(self.next()?, Piece::Silence { .. }).then_some(self.frame)
    }

    fn next(&self) -> Option<&Piece> {
        let is_left = self.rounds < self.play.repeat;
        self.play.pieces.get(self.piece).filter(|_| is_left)
    }

    /// That frame is over, for which a packet was `sent` or none. True if it was the last one.
    pub(super) fn advance(&mut self, sent: bool) -> bool {
        self.sent += i64::from(sent);
        self.paused = !sent;
        self.frame += 1;
        let frames = self.play.pieces.get(self.piece).map_or(0, Piece::frames);
        if self.frame < frames {
            return false;
        }
        self.frame = 0;
        self.piece += 1;
        if self.piece < self.play.pieces.len() {
            return false;
        }
        self.piece = 0;
        self.rounds += 1;
        self.rounds >= self.play.repeat
    }
}

/// A frame of silence, in every codec.
static SILENCE: LazyLock<Prompt> = LazyLock::new(|| Prompt::from_8khz(&[]));

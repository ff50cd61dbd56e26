//! The recorder of a world: what the planes put onto tapes, without any file.
//!
//! Holds the planes to their word: of each tape a beginning, blocks, and one end; at rest none runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use media::tape::{Side, TapeId, Word};
use media::{Plane, codec::Rate};
use model::{Audio, RecordingState};

/// A tape of a plane.
type Key = (usize, TapeId);

/// A recording that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// The name of its file.
    pub file: String,
    /// How many packets of what the party said, and of what it heard.
    pub packets: [usize; 2],
    /// What its audio was said to be worth.
    pub rate: Rate,
    /// How long it was.
    pub lasted: Duration,
}

/// See the module's header.
#[derive(Debug, Default)]
pub(crate) struct Tapes {
    running: BTreeMap<Key, (String, Rate, [usize; 2])>,
    files: BTreeSet<String>,
    /// Those that are over, in the order of their ends.
    pub(crate) takes: Vec<Take>,
    /// No file can be made any more.
    pub(crate) disk_full: bool,
    /// It has so much to do that no recording can begin.
    pub(crate) is_busy: bool,
}

impl Tapes {
    /// A plane says this; an error tells what is wrong with it. What became of which file, if that is known
    /// now.
    pub(crate) fn take(
        &mut self,
        number: usize,
        plane: &mut Plane,
        word: Word,
    ) -> Result<Option<(String, RecordingState)>, String> {
        match word {
            Word::Begin { tape, file, .. } if self.is_busy => {
                plane.handle_tape_refused(tape, file);
            }
            Word::Begin { tape, file, .. } if self.disk_full => {
                plane.handle_tape_failed(tape);
                return Ok(Some((file.into(), RecordingState::Failed)));
            }
            Word::Begin {
                tape, file, rate, ..
            } => {
                if !self.files.insert(file.to_string()) {
                    return Err(format!("two recordings have the file {file}"));
                }
                let tape = (number, tape);
                if self
                    .running
                    .insert(tape, (file.into(), rate, [0; 2]))
                    .is_some()
                {
                    return Err(format!("{tape:?} begins twice"));
                }
            }
            Word::Block(block) => {
                let tape = (number, block.tape());
                let Some((_, _, packets)) = self.running.get_mut(&tape) else {
                    return Err(format!("{tape:?} goes on after its end"));
                };
                for entry in block.entries() {
                    packets[usize::from(entry.side == Side::Heard)] += 1;
                }
                plane.handle_block(block);
            }
            Word::End { tape, lasted } => {
                let Some((file, rate, packets)) = self.running.remove(&(number, tape)) else {
                    return Err(format!("{tape:?} ends twice"));
                };
                self.takes.push(Take {
                    file: file.clone(),
                    packets,
                    rate,
                    lasted,
                });
                let duration_ms = lasted.as_millis() as u64;
                let octets = 44 + 16 * duration_ms;
                let audio = Audio {
                    duration_ms,
                    octets,
                };
                return Ok(Some((file, RecordingState::Ready(audio))));
            }
        }
        Ok(None)
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }
}

//! Commands for media shards whose queues are full: they wait here, in order, and are sent again.
//!
//! Owns what may be lost, and how it is told. A port that is not closed stays open for ever, so a
//! `Close` always finds room: there are no more of them than ports.

use std::collections::VecDeque;

use media::{Command, Event};

/// Commands that wait for one media shard, `Close` not counted.
pub const WAITING: usize = 4_096;

/// The commands of one session shard that wait for one media shard.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    waiting: VecDeque<Command>,
}

impl Backlog {
    /// Sends a command behind those that wait. What is lost is told to the owners of its ports.
    /// `send` gives the command back when the queue is full.
    pub fn send(
        &mut self,
        command: Command,
        mut send: impl FnMut(Command) -> Result<(), Command>,
    ) -> Vec<Event> {
        self.retry(&mut send);
        let command = if self.waiting.is_empty() {
            match send(command) {
                Ok(()) => return Vec::new(),
                Err(command) => command,
            }
        } else {
            command
        };
        if self.waiting.len() < WAITING || matches!(command, Command::Close { .. }) {
            self.waiting.push_back(command);
            Vec::new()
        } else {
            lost(&command)
        }
    }

    /// Sends what waits, as far as there is room.
    pub fn retry(&mut self, mut send: impl FnMut(Command) -> Result<(), Command>) {
        while let Some(command) = self.waiting.pop_front() {
            if let Err(command) = send(command) {
                self.waiting.push_front(command);
                return;
            }
        }
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// A port that lost a command is as good as failed.
fn lost(command: &Command) -> Vec<Event> {
    let ports = match command {
        Command::Open { port, .. }
        | Command::Configure { port, .. }
        | Command::Play { port, .. }
        | Command::StopPlay { port }
        | Command::Key { port, .. }
        | Command::Watch { port, .. }
        | Command::Listen { port, .. }
        | Command::Unbridge { port }
        | Command::Confer { port, .. }
        | Command::Leave { port }
        | Command::Announce { port, .. }
        | Command::StopRecord { port } => {
            vec![*port]
        }
        Command::Record {
            port,
            operation,
            file,
        }
        | Command::Overhear {
            port,
            operation,
            file,
            ..
        } => {
            return vec![Event::RecordFailed {
                port: *port,
                operation: *operation,
                unwritten: Some(file.clone()),
            }];
        }
        Command::Bridge { a, b } => vec![*a, *b],
        Command::Close { .. } => vec![],
    };
    let failed = |port| Event::Failed {
        port,
        reason: "the media shard is overloaded".into(),
    };
    ports.into_iter().map(failed).collect()
}

#[cfg(test)]
mod tests {
    use media::{Command, Event, PortId};

    use super::{Backlog, WAITING};

    fn port(command: &Command) -> u64 {
        match command {
            Command::Open { port, .. } | Command::Close { port } | Command::Unbridge { port } => {
                port.0
            }
            other => panic!("{other:?}"),
        }
    }

    fn open(number: u64) -> Command {
        Command::Open {
            port: PortId(number),
            family: media::Family::V4,
        }
    }

    fn close(number: u64) -> Command {
        Command::Close {
            port: PortId(number),
        }
    }

    #[test]
    fn commands_wait_for_room_and_keep_their_order() {
        let (mut backlog, mut sent) = (Backlog::default(), Vec::new());
        assert!(backlog.send(open(1), Err).is_empty());
        assert!(backlog.send(close(1), Err).is_empty());
        let mut room = 2;
        let mut send = |command: Command| {
            if room == 0 {
                return Err(command);
            }
            room -= 1;
            sent.push(port(&command));
            Ok(())
        };
        assert!(backlog.send(open(2), &mut send).is_empty());
        assert_eq!(backlog.waiting.len(), 1);
        backlog.retry(|command| {
            sent.push(port(&command));
            Ok(())
        });
        assert_eq!(sent, [1, 1, 2]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn beyond_the_backlog_a_port_fails_but_is_closed_all_the_same() {
        let mut backlog = Backlog::default();
        for number in 0..WAITING as u64 {
            assert!(backlog.send(open(number), Err).is_empty());
        }
        let bridge = Command::Bridge {
            a: PortId(1),
            b: PortId(2),
        };
        for (command, failed) in [(open(9_999), vec![9_999]), (bridge, vec![1, 2])] {
            let events = backlog.send(command, Err);
            let ports: Vec<_> = events
                .iter()
                .map(|event| match event {
                    Event::Failed { port, .. } => port.0,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(ports, failed);
        }
        let record = Command::Record {
            port: PortId(1),
            operation: 7,
            file: "never made".into(),
        };
        let events = backlog.send(record, Err);
        let [
            Event::RecordFailed {
                port: PortId(1),
                operation: 7,
                unwritten: Some(file),
            },
        ] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!(&**file, "never made");
        assert!(backlog.send(close(1), Err).is_empty());
        assert_eq!(backlog.waiting.len(), WAITING + 1);
    }
}

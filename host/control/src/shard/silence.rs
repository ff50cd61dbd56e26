//! Parties that are heard no more: the call of one ends.

use media::{Command, PortId};
use model::{Cause, EndReason, Now};

use super::{Shard, release::Ending};
use crate::{Output, call::State};

impl Shard {
    /// A call has media from now on: its port tells when the party falls silent.
    pub(super) fn watch_silence(&mut self, session: model::SessionId, port: PortId) {
        let own = self
            .sessions
            .get(&session)
            .and_then(|it| it.tenant.media_timeout);
        let patience = [own, self.config.media_timeout].into_iter().flatten().min();
        if let Some(patience) = patience {
            let command = Command::Watch { port, patience };
            self.out.push_back(Output::Media { session, command });
        }
    }

    /// Ends the call of a party that fell silent. One that only rings, as after an announcement, has time
    /// limits of its own: it is watched further.
    pub(super) fn fell_silent(&mut self, now: Now, port: PortId) {
        let Some(call) = self.by_port.get(&port).and_then(|id| self.calls.get(id)) else {
            return;
        };
        let (id, session) = (call.id, call.session);
        if matches!(call.state, State::Answered) {
            let cause = Cause::from_network(408);
            self.note(
                now,
                session,
                "nothing is heard of the party any more".to_owned(),
            );
            self.end(now, id, Ending::platform(cause, EndReason::MediaTimeout));
        } else {
            self.watch_silence(session, port);
        }
    }
}

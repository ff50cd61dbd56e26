//! The interface `session`: the view of the session, its state, timers and log.

use model::CallId;
use model::turn::Dial;
use wasmtime::component::Resource;

use super::Host;
use crate::bindings::jackfield::policy::call::{Call, Conference};
use crate::bindings::jackfield::policy::session::{self, LogLevel, Session};
use crate::bindings::jackfield::policy::types::Error;
use crate::convert;

type Answer<T = ()> = wasmtime::Result<Result<T, Error>>;

impl Host {
    fn hand_out(&mut self, id: CallId) -> Resource<Call> {
        Resource::new_own(self.lend(id))
    }

    /// The state with which the turn began.
    pub(crate) fn kept_state(&self) -> Vec<u8> {
        self.plan.view().state.to_vec()
    }

    /// What `migrate` has made of it: the state, or why there is none. Then the session stays with its version,
    /// and the store as it was.
    pub(crate) fn take_over(&mut self, made: Result<Vec<u8>, String>) {
        let most = model::limits::STATE;
        let (level, why) = match made {
            Ok(state) if state.len() <= most => {
                self.state = Some(state);
                return;
            }
            Ok(_) => {
                let why = format!("the state of migrate has more than {most} octets");
                (model::LogLevel::Error, why)
            }
            Err(why) => (model::LogLevel::Warn, why),
        };
        self.log(level, &why);
        self.overlay.forget_writes();
    }

    fn dial(&mut self, dial: &Dial<'_>) -> Answer<Resource<Call>> {
        let headers = dial
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        let texts = dial.from.len() + dial.to.len() + dial.user_data.len();
        self.enter(texts + headers.sum::<usize>())?;
        Ok(match self.plan.construct(dial) {
            Ok(id) => Ok(self.hand_out(id)),
            Err(why) => Err(convert::error(why)),
        })
    }
}

impl session::Host for Host {}

impl session::HostSession for Host {
    fn id(&mut self, _: Resource<Session>) -> wasmtime::Result<String> {
        self.enter(0)?;
        Ok(self.plan.view().session.to_string())
    }

    fn now(&mut self, _: Resource<Session>) -> wasmtime::Result<u64> {
        self.enter(0)?;
        Ok(self.plan.view().now)
    }

    fn random(&mut self, _: Resource<Session>) -> wasmtime::Result<u64> {
        self.enter(0)?;
        Ok(self.plan.random())
    }

    fn calls(&mut self, _: Resource<Session>) -> wasmtime::Result<Vec<Resource<Call>>> {
        self.enter(0)?;
        let ids: Vec<CallId> = self.plan.calls().map(|call| call.id).collect();
        Ok(ids.into_iter().map(|id| self.hand_out(id)).collect())
    }

    fn call(
        &mut self,
        _: Resource<Session>,
        id: String,
    ) -> wasmtime::Result<Option<Resource<Call>>> {
        self.enter(id.len())?;
        let id = id.parse().ok().filter(|id| self.plan.call(*id).is_some());
        Ok(id.map(|id| self.hand_out(id)))
    }

    fn construct(
        &mut self,
        _: Resource<Session>,
        from: String,
        to: String,
        max_answer_seconds: u32,
        max_ring_seconds: u32,
        user_data: String,
    ) -> Answer<Resource<Call>> {
        self.dial(&Dial {
            from: &from,
            to: &to,
            max_answer_seconds,
            max_ring_seconds,
            user_data: &user_data,
            headers: &[],
        })
    }

    fn construct_with(
        &mut self,
        _: Resource<Session>,
        from: String,
        to: String,
        max_answer_seconds: u32,
        max_ring_seconds: u32,
        user_data: String,
        headers: Vec<(String, String)>,
    ) -> Answer<Resource<Call>> {
        self.dial(&Dial {
            from: &from,
            to: &to,
            max_answer_seconds,
            max_ring_seconds,
            user_data: &user_data,
            headers: &headers,
        })
    }

    fn conference(&mut self, _: Resource<Session>, name: String) -> Answer<Resource<Conference>> {
        self.enter(name.len())?;
        Ok(match self.plan.conference(&name) {
            Ok(id) => Ok(Resource::new_own(self.lend_conference(id))),
            Err(why) => Err(convert::error(why)),
        })
    }

    fn state(&mut self, _: Resource<Session>) -> wasmtime::Result<Vec<u8>> {
        self.enter(0)?;
        let kept = || self.plan.view().state.to_vec();
        Ok(self.state.clone().unwrap_or_else(kept))
    }

    fn set_state(&mut self, _: Resource<Session>, state: Vec<u8>) -> Answer {
        self.enter(state.len())?;
        let most = model::limits::STATE;
        if state.len() > most {
            return Ok(Err(Error::LimitExceeded(format!("{most} octets of state"))));
        }
        self.state = Some(state);
        Ok(Ok(()))
    }

    fn timer_start(&mut self, _: Resource<Session>, name: String, after: u32) -> Answer {
        self.enter(name.len())?;
        Ok(self.plan.timer_start(&name, after).map_err(convert::error))
    }

    fn timer_stop(&mut self, _: Resource<Session>, name: String) -> wasmtime::Result<()> {
        self.enter(name.len())?;
        self.plan.timer_stop(&name);
        Ok(())
    }

    fn setting(&mut self, _: Resource<Session>, name: String) -> wasmtime::Result<Option<String>> {
        self.enter(name.len())?;
        Ok(self.plan.view().settings.get(&name).cloned())
    }

    fn log(
        &mut self,
        _: Resource<Session>,
        level: LogLevel,
        message: String,
    ) -> wasmtime::Result<()> {
        self.enter(message.len())?;
        self.log(convert::level(level), &message);
        Ok(())
    }

    fn drop(&mut self, _: Resource<Session>) -> wasmtime::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

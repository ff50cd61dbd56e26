//! The interface `call`: handles to commands of the plan.

use model::CallId;
use model::turn::{CallView, Plan};
use wasmtime::component::Resource;

use super::Host;
use crate::bindings::jackfield::policy::call::{self, Call, ConfMode, Conference};
use crate::bindings::jackfield::policy::types::{CallDirection, CallPhase, Error};
use crate::convert;

/// A command's answer: a refusal is the guest's to handle, an error of the runtime ends the turn.
pub(super) type Answer<T = ()> = wasmtime::Result<Result<T, Error>>;

impl Host {
    /// The call behind a handle. Handles are made by `lend` only, so it is there.
    fn id_of(&self, handle: &Resource<Call>) -> wasmtime::Result<CallId> {
        let lent = self.lent.get(handle.rep() as usize);
        lent.copied()
            .ok_or_else(|| wasmtime::Error::msg("no such call"))
    }

    fn see<T>(
        &mut self,
        handle: &Resource<Call>,
        what: impl FnOnce(&CallView) -> T,
    ) -> wasmtime::Result<T> {
        self.enter(0)?;
        let id = self.id_of(handle)?;
        let call = self
            .plan
            .call(id)
            .ok_or_else(|| wasmtime::Error::msg("no such call"))?;
        Ok(what(call))
    }

    fn command<T>(
        &mut self,
        handle: &Resource<Call>,
        bytes: usize,
        what: impl FnOnce(&mut Plan, CallId) -> Result<T, model::turn::CommandError>,
    ) -> Answer<T> {
        self.enter(bytes)?;
        let id = self.id_of(handle)?;
        Ok(what(&mut self.plan, id).map_err(convert::error))
    }
}

impl call::Host for Host {}

impl call::HostCall for Host {
    fn id(&mut self, call: Resource<Call>) -> wasmtime::Result<String> {
        self.see(&call, |call| call.id.to_string())
    }

    fn direction(&mut self, call: Resource<Call>) -> wasmtime::Result<CallDirection> {
        self.see(&call, |call| convert::direction(call.direction))
    }

    fn phase(&mut self, call: Resource<Call>) -> wasmtime::Result<CallPhase> {
        self.see(&call, |call| convert::phase(call.phase))
    }

    fn from_uri(&mut self, call: Resource<Call>) -> wasmtime::Result<String> {
        self.see(&call, |call| call.from.to_string())
    }

    fn to_uri(&mut self, call: Resource<Call>) -> wasmtime::Result<String> {
        self.see(&call, |call| call.to.to_string())
    }

    fn from_number(&mut self, call: Resource<Call>) -> wasmtime::Result<String> {
        self.see(&call, |call| call.from.user().to_owned())
    }

    fn to_number(&mut self, call: Resource<Call>) -> wasmtime::Result<String> {
        self.see(&call, |call| call.to.user().to_owned())
    }

    fn user_data(&mut self, call: Resource<Call>) -> wasmtime::Result<String> {
        self.see(&call, |call| call.user_data.clone())
    }

    fn set_user_data(&mut self, call: Resource<Call>, text: String) -> Answer {
        self.command(&call, text.len(), |plan, id| plan.set_user_data(id, &text))
    }

    fn header(&mut self, call: Resource<Call>, name: String) -> wasmtime::Result<Option<String>> {
        self.see(&call, |call| {
            let found = call
                .headers
                .iter()
                .find(|(header, _)| header.eq_ignore_ascii_case(&name));
            found.map(|(_, value)| value.clone())
        })
    }

    fn ring(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::ring)
    }

    fn answer(&mut self, call: Resource<Call>, user_data: String) -> Answer {
        self.command(&call, user_data.len(), |plan, id| {
            plan.answer(id, &user_data)
        })
    }

    fn release(&mut self, call: Resource<Call>, cause: u16) -> Answer {
        self.command(&call, 0, |plan, id| plan.release(id, cause))
    }

    fn redirect(&mut self, call: Resource<Call>, to: String) -> Answer {
        self.command(&call, to.len(), |plan, id| plan.redirect(id, &to))
    }

    fn bridge_start(&mut self, call: Resource<Call>, other: Resource<Call>) -> Answer {
        let other = self.id_of(&other)?;
        self.command(&call, 0, |plan, id| plan.bridge_start(id, other))
    }

    fn bridge_stop(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::bridge_stop)
    }

    fn transfer(
        &mut self,
        call: Resource<Call>,
        target: String,
        replaces: Option<Resource<Call>>,
    ) -> Answer {
        let replaces = replaces.map(|it| self.id_of(&it)).transpose()?;
        self.command(&call, target.len(), |plan, id| {
            plan.transfer(id, &target, replaces)
        })
    }

    fn transfer_accept(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::transfer_accept)
    }

    fn transfer_refuse(&mut self, call: Resource<Call>, cause: u16) -> Answer {
        self.command(&call, 0, |plan, id| plan.transfer_refuse(id, cause))
    }

    fn play_start(
        &mut self,
        call: Resource<Call>,
        files: Vec<String>,
        repeat: u32,
        finish_keys: String,
    ) -> Answer<u32> {
        let bytes = files.iter().map(String::len).sum::<usize>() + finish_keys.len();
        self.command(&call, bytes, |plan, id| {
            plan.play_start(id, &files, repeat, &finish_keys)
        })
    }

    fn play_stop(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::play_stop)
    }

    fn record_start(
        &mut self,
        call: Resource<Call>,
        file: String,
        finish_keys: String,
        max_seconds: u32,
    ) -> Answer<u32> {
        let bytes = file.len() + finish_keys.len();
        self.command(&call, bytes, |plan, id| {
            plan.record_start(id, &file, &finish_keys, max_seconds)
        })
    }

    fn record_stop(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::record_stop)
    }

    fn collect_start(
        &mut self,
        call: Resource<Call>,
        most: u32,
        finish_keys: String,
        first: u32,
        next: u32,
    ) -> Answer<u32> {
        self.command(&call, finish_keys.len(), |plan, id| {
            plan.collect_start(id, most, &finish_keys, first, next)
        })
    }

    fn collect_stop(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::collect_stop)
    }

    fn send_digits(&mut self, call: Resource<Call>, digits: String) -> Answer {
        self.command(&call, digits.len(), |plan, id| {
            plan.send_digits(id, &digits)
        })
    }

    fn conf_enter(
        &mut self,
        call: Resource<Call>,
        conference: Resource<Conference>,
        mode: ConfMode,
    ) -> Answer {
        let conference = self.conference_of(&conference)?;
        self.command(&call, 0, |plan, id| {
            plan.conf_enter(id, conference, convert::mode(mode))
        })
    }

    fn conf_exit(&mut self, call: Resource<Call>, conference: Resource<Conference>) -> Answer {
        let conference = self.conference_of(&conference)?;
        self.command(&call, 0, |plan, id| plan.conf_exit(id, conference))
    }

    fn hold(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::hold)
    }

    fn resume(&mut self, call: Resource<Call>) -> Answer {
        self.command(&call, 0, Plan::resume)
    }

    fn drop(&mut self, _: Resource<Call>) -> wasmtime::Result<()> {
        Ok(())
    }
}

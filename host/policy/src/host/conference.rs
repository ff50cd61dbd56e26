//! Handles to conferences: what a policy sees of them, and its commands about them.

use model::turn::{CommandError, Plan};
use model::{ConferenceId, ConferenceView};
use wasmtime::component::Resource;

use super::Host;
use super::call::Answer;
use crate::bindings::jackfield::policy::call::{self, Conference};
use crate::convert;

impl Host {
    /// The number by which the guest knows a conference of the tenant in this turn; one for each, however
    /// often it is asked for.
    pub(crate) fn lend_conference(&mut self, id: ConferenceId) -> u32 {
        let known = self.lent_conferences.iter().position(|lent| *lent == id);
        let at = known.unwrap_or_else(|| {
            self.lent_conferences.push(id);
            self.lent_conferences.len() - 1
        });
        at as u32
    }

    /// The conference behind a handle. Handles are made by `lend_conference` only, so it is there.
    pub(super) fn conference_of(
        &self,
        handle: &Resource<Conference>,
    ) -> wasmtime::Result<ConferenceId> {
        let lent = self.lent_conferences.get(handle.rep() as usize);
        lent.copied()
            .ok_or_else(|| wasmtime::Error::msg("no such conference"))
    }

    fn look<T>(
        &mut self,
        handle: &Resource<Conference>,
        what: impl FnOnce(&ConferenceView) -> T,
    ) -> wasmtime::Result<T> {
        self.enter(0)?;
        let id = self.conference_of(handle)?;
        let conference = self.plan.conference_view(id);
        let conference = conference.ok_or_else(|| wasmtime::Error::msg("no such conference"))?;
        Ok(what(conference))
    }

    fn conduct<T>(
        &mut self,
        handle: &Resource<Conference>,
        bytes: usize,
        what: impl FnOnce(&mut Plan, ConferenceId) -> Result<T, CommandError>,
    ) -> Answer<T> {
        self.enter(bytes)?;
        let id = self.conference_of(handle)?;
        Ok(what(&mut self.plan, id).map_err(convert::error))
    }
}

impl call::HostConference for Host {
    fn id(&mut self, conference: Resource<Conference>) -> wasmtime::Result<String> {
        self.look(&conference, |it| it.id.to_string())
    }

    fn name(&mut self, conference: Resource<Conference>) -> wasmtime::Result<String> {
        self.look(&conference, |it| it.name.clone())
    }

    fn size(&mut self, conference: Resource<Conference>) -> wasmtime::Result<u32> {
        self.look(&conference, |it| it.size)
    }

    fn play_start(
        &mut self,
        conference: Resource<Conference>,
        files: Vec<String>,
        repeat: u32,
    ) -> Answer<u32> {
        let bytes = files.iter().map(String::len).sum();
        self.conduct(&conference, bytes, |plan, id| {
            plan.conf_play_start(id, &files, repeat)
        })
    }

    fn play_stop(&mut self, conference: Resource<Conference>) -> Answer {
        self.conduct(&conference, 0, Plan::conf_play_stop)
    }

    fn record_start(
        &mut self,
        conference: Resource<Conference>,
        file: String,
        max_seconds: u32,
    ) -> Answer<u32> {
        self.conduct(&conference, file.len(), |plan, id| {
            plan.conf_record_start(id, &file, max_seconds)
        })
    }

    fn record_stop(&mut self, conference: Resource<Conference>) -> Answer {
        self.conduct(&conference, 0, Plan::conf_record_stop)
    }

    fn drop(&mut self, _: Resource<Conference>) -> wasmtime::Result<()> {
        Ok(())
    }
}

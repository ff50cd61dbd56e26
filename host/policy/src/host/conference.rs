//! Handles to conferences: what a policy sees of them.

use model::{ConferenceId, ConferenceView};
use wasmtime::component::Resource;

use super::Host;
use crate::bindings::jackfield::policy::call::{self, Conference};

impl Host {
    /// A handle to a conference of the tenant; one for each, however often it is asked for.
    pub(super) fn lend_conference(&mut self, id: ConferenceId) -> Resource<Conference> {
        let known = self.lent_conferences.iter().position(|lent| *lent == id);
        let at = known.unwrap_or_else(|| {
            self.lent_conferences.push(id);
            self.lent_conferences.len() - 1
        });
        Resource::new_own(at as u32)
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

    fn drop(&mut self, _: Resource<Conference>) -> wasmtime::Result<()> {
        Ok(())
    }
}

//! Phones that register: their bindings are written after a while, then every shard is told.

use std::sync::Arc;

use control::{
    Input, Ticket, phone,
    registrar::{Refused, Registration},
};
use model::{Binding, TenantId};
use sip::digest::Login;

use super::{Happening, World};
use crate::town::NODE;

/// A REGISTER on its way to the writer.
pub(super) struct Registering {
    pub(super) shard: usize,
    pub(super) ticket: Ticket,
    pub(super) tenant: TenantId,
    pub(super) user: String,
    pub(super) registration: Arc<Registration>,
}

impl World {
    /// Another telephone takes the place of that one, which has this password.
    pub fn set_password(&mut self, line: usize, password: &str) {
        let mut config = self.lines[line].phone.config().clone();
        let (username, password) = (config.user.clone(), password.to_owned());
        config.login = Some(Login { username, password }.into());
        self.lines[line].phone = phone::Phone::new(config);
    }

    /// A telephone registers at the node for so long, and stays registered; 0 ends it.
    pub fn registers(&mut self, line: usize, seconds: u32) {
        self.phone(line, Self::registering(seconds));
    }

    /// What a telephone does to register at the node.
    pub fn registering(seconds: u32) -> phone::Input {
        let registrar = NODE;
        phone::Input::Register { registrar, seconds }
    }

    /// Where a phone is that registers, as far as that is durable.
    pub fn bindings(&self, tenant: usize, user: &str) -> &[Binding] {
        self.registrar.of(self.tenants[tenant].id, user)
    }

    /// A phone has registered these telephones before the world began; each of them is there, under the
    /// name of its contact.
    pub fn has_registered(&mut self, tenant: usize, user: &str, bindings: Vec<Binding>) {
        for binding in &bindings {
            let (_, contact) = binding.contact.split_once(':').unwrap_or_default();
            let (name, _) = contact.split_once('@').unwrap_or_default();
            self.add_line(tenant, name, binding.hop.address, binding.hop.transport);
        }
        let id = self.tenants[tenant].id;
        self.publish_bindings(id, user, &bindings.into());
    }

    fn publish_bindings(&mut self, tenant: TenantId, user: &str, bindings: &Arc<[Binding]>) {
        for shard in 0..self.node.shards.len() {
            let (user, bindings) = (user.to_owned(), Arc::clone(bindings));
            let input = Input::Bindings {
                tenant,
                user,
                bindings,
            };
            self.input(shard, input);
        }
    }

    /// What the shards did for phones that register, by shard.
    pub fn registrars(&self) -> Vec<control::Registrar> {
        let shards = self.node.shards.iter();
        shards.map(control::Shard::registrar).collect()
    }

    /// How the trunks are registered with their carriers, by shard.
    pub fn enrolled(&self) -> Vec<control::Enrolled> {
        let (now, shards) = (self.clock(), self.node.shards.iter());
        shards.map(|shard| shard.enrolled(now)).collect()
    }

    /// How many trunks end their registration.
    pub fn leaving(&self) -> usize {
        let shards = self.node.shards.iter();
        shards.map(|shard| shard.counts().leaving).sum()
    }

    pub(super) fn register(&mut self, due: Registering) {
        let pace = self.options.records;
        let fails = self.chance.percent(pace.fails);
        let at = self.now + pace.draw(&mut self.chance);
        let due = Box::new(due);
        self.agenda.enter(at, Happening::Register { due, fails });
    }

    pub(super) fn write_bindings(&mut self, due: Registering, fails: bool) {
        let Registering {
            shard,
            ticket,
            tenant,
            user,
            registration,
        } = due;
        let result = if fails {
            Err(Refused::new(503, "the writer has a bad day"))
        } else {
            let now = self.unix_ms();
            self.registrar.change(tenant, &user, &registration, now)
        };
        if let Ok(bindings) = &result {
            self.publish_bindings(tenant, &user, bindings);
        }
        self.input(shard, Input::Registered { ticket, result });
    }
}

//! The rows of bindings: changed one after the other, durable after a while, known to all shards then.

use std::{collections::BTreeMap, sync::Arc};

use control::registrar::{Refused, Registration};
use model::{Binding, TenantId};

/// Where phones are, in memory: it outlives shards as a database does.
#[derive(Debug, Default)]
pub(crate) struct Registrar {
    rows: BTreeMap<(TenantId, String), Vec<Binding>>,
}

impl Registrar {
    /// What is there after a change.
    pub(crate) fn change(
        &mut self,
        tenant: TenantId,
        user: &str,
        registration: &Registration,
        unix_ms: u64,
    ) -> Result<Arc<[Binding]>, Refused> {
        let rows = self.rows.entry((tenant, user.to_owned())).or_default();
        *rows = registration.apply(rows, unix_ms)?;
        Ok(rows.as_slice().into())
    }

    /// What is there.
    pub(crate) fn of(&self, tenant: TenantId, user: &str) -> &[Binding] {
        let rows = self.rows.get(&(tenant, user.to_owned()));
        rows.map_or(&[], Vec::as_slice)
    }
}

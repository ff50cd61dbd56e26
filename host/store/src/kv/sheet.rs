//! The rows that a group of turns reads and writes, while the group is judged.
//!
//! What the memory does not know is asked of the database. Turns of one group are judged one after the other, each as if those before it were in the
//! database already; what is written then is the last state of each row. Knows SQL, but nobody who
//! runs it.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use model::{
    TenantId,
    turn::{StoreTouch, Version, Write},
};

use super::{
    CommitError,
    memory::{Counter, Kept, Memory},
};
use crate::{
    StoreError,
    db::{Answers, Batch, Query, Value, parsed, query},
    limits,
};

/// See the module's header. Borrows what turns wrote.
#[derive(Debug, Default)]
pub(crate) struct Sheet<'a> {
    keys: BTreeMap<(TenantId, &'a str), Key<'a>>,
    /// Nothing: it is not known yet.
    counters: BTreeMap<TenantId, Option<Counter>>,
}

#[derive(Clone, Debug, Default)]
struct Key<'a> {
    is_known: bool,
    there: Option<There>,
    /// What is to be written, if anything is.
    write: Option<&'a Write>,
}

/// A row, as it is or will be.
#[derive(Clone, Copy, Debug)]
struct There {
    version: Version,
    expires: Option<u64>,
    octets: i64,
}

impl<'a> Sheet<'a> {
    /// Takes the rows of a turn, as far as they are known.
    pub(crate) fn expect(&mut self, tenant: TenantId, touch: &'a StoreTouch, memory: &Memory) {
        for name in touch.reads.keys().chain(touch.writes.keys()) {
            self.keys.entry((tenant, name)).or_insert_with(|| {
                let known = memory.known(tenant, name);
                Key {
                    is_known: known.is_some(),
                    there: known.flatten().map(|kept| There::of(name, &kept)),
                    write: None,
                }
            });
        }
        let counter = || memory.counter(tenant);
        self.counters.entry(tenant).or_insert_with(counter);
    }

    /// Whether a row or a counter has to be asked of the database.
    pub(crate) fn lacks_any(&self) -> bool {
        !self.lacking_keys().is_empty() || !self.lacking_counters().is_empty()
    }

    /// Asks for what it lacks; [`fill`](Self::fill) takes the answers.
    pub(crate) fn ask(&self, batch: &mut Batch) {
        let names = self.lacking_keys();
        if !names.is_empty() {
            batch.add(listed(
                "SELECT tenant, name, version, expires, octet_length(name) + octet_length(value)
                 FROM kv WHERE (tenant, name) IN (VALUES ",
                2,
                names,
                ")",
            ));
        }
        let tenants = self.lacking_counters();
        if !tenants.is_empty() {
            batch.add(listed(
                "SELECT tenant, value, keys, octets FROM kv_counter WHERE (tenant) IN (VALUES ",
                1,
                tenants,
                ")",
            ));
        }
    }

    fn lacking_keys(&self) -> Vec<Value> {
        let lacking = self.keys.iter().filter(|(_, key)| !key.is_known);
        lacking
            .flat_map(|((tenant, name), _)| [Value::from(*tenant), Value::from(*name)])
            .collect()
    }

    fn lacking_counters(&self) -> Vec<Value> {
        let lacking = self.counters.iter().filter(|(_, known)| known.is_none());
        lacking.map(|(tenant, _)| Value::from(*tenant)).collect()
    }

    /// Takes the rows that are there.
    pub(crate) fn fill(
        &mut self,
        answers: &mut Answers,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        if !self.lacking_keys().is_empty() {
            self.fill_keys(answers)?;
        }
        if !self.lacking_counters().is_empty() {
            self.fill_counters(answers, memory)?;
        }
        Ok(())
    }

    fn fill_keys(&mut self, answers: &mut Answers) -> Result<(), StoreError> {
        let rows: Vec<(String, String, i64, Option<i64>, i64)> = answers.rows()?;
        let mut there = BTreeMap::new();
        for (tenant, name, version, expires, octets) in rows {
            let row = There {
                version,
                expires: expires.map(|at| at as u64),
                octets,
            };
            there.insert((parsed::<TenantId>(&tenant)?, name), row);
        }
        let lacking = self.keys.iter_mut().filter(|(_, key)| !key.is_known);
        for ((tenant, name), key) in lacking {
            key.there = there.remove(&(*tenant, (*name).to_owned()));
            key.is_known = true;
        }
        Ok(())
    }

    fn fill_counters(&mut self, answers: &mut Answers, memory: &Memory) -> Result<(), StoreError> {
        let rows: Vec<(String, i64, i64, i64)> = answers.rows()?;
        for (tenant, version, keys, octets) in rows {
            let counter = Counter {
                version,
                keys,
                octets,
            };
            self.counters.insert(parsed(&tenant)?, Some(counter));
        }
        for (tenant, counter) in &mut self.counters {
            // A tenant whose policies never wrote has none.
            memory.count(*tenant, *counter.get_or_insert_default());
        }
        Ok(())
    }

    /// Judges the next turn, and writes what it wrote onto the sheet; `now_ms` is the time of its
    /// event. An error leaves the sheet as it was.
    pub(crate) fn judge(
        &mut self,
        tenant: TenantId,
        touch: &'a StoreTouch,
        now_ms: u64,
    ) -> Result<(), CommitError> {
        for (name, seen) in &touch.reads {
            if self.version(tenant, name, now_ms) != *seen {
                return Err(CommitError::Conflict);
            }
        }
        if touch.writes.is_empty() {
            return Ok(());
        }
        let before = self.counter(tenant);
        let mut after = before;
        after.version += 1;
        for (name, write) in &touch.writes {
            if let Some(there) = self.keys.get(&(tenant, name)).and_then(|key| key.there) {
                after.keys -= 1;
                after.octets -= there.octets;
            }
            if let Some(octets) = octets(name, write) {
                after.keys += 1;
                after.octets += octets;
            }
        }
        check_quota(before, after)?;
        for (name, write) in &touch.writes {
            let there = octets(name, write).map(|octets| There {
                version: after.version,
                expires: expiry(write),
                octets,
            });
            let key = Key {
                is_known: true,
                there,
                write: Some(write),
            };
            self.keys.insert((tenant, name), key);
        }
        self.counters.insert(tenant, Some(after));
        Ok(())
    }

    /// Adds what is to be written; tells whether that is anything.
    pub(crate) fn changes(&self, batch: &mut Batch) -> bool {
        let (mut put, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for ((tenant, name), key) in &self.keys {
            let Some(write) = key.write else { continue };
            changed.push(*tenant);
            match (write, key.there) {
                (Write::Put { value, expires }, Some(there)) => put.extend([
                    Value::from(*tenant),
                    Value::from(*name),
                    Value::from(value.as_slice()),
                    Value::from(there.version),
                    Value::from(*expires),
                ]),
                _ => removed.extend([Value::from(*tenant), Value::from(*name)]),
            }
        }
        if changed.is_empty() {
            return false;
        }
        changed.dedup();
        if !put.is_empty() {
            batch.add(listed(
                "INSERT INTO kv (tenant, name, value, version, expires) VALUES ",
                5,
                put,
                " ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value,
                 version = excluded.version, expires = excluded.expires",
            ));
        }
        if !removed.is_empty() {
            let delete = "DELETE FROM kv WHERE (tenant, name) IN (VALUES ";
            batch.add(listed(delete, 2, removed, ")"));
        }
        let counters = changed.into_iter().flat_map(|tenant| {
            let counter = self.counter(tenant);
            [
                Value::from(tenant),
                Value::from(counter.version),
                Value::from(counter.keys),
                Value::from(counter.octets),
            ]
        });
        batch.add(listed(
            "INSERT INTO kv_counter (tenant, value, keys, octets) VALUES ",
            4,
            counters,
            " ON CONFLICT (tenant) DO UPDATE SET value = excluded.value, keys = excluded.keys,
             octets = excluded.octets",
        ));
        true
    }

    /// What was written is in the database.
    pub(crate) fn remember(&self, memory: &Memory) {
        for ((tenant, name), key) in &self.keys {
            let Some(write) = key.write else { continue };
            let kept = match (write, key.there) {
                (Write::Put { value, expires }, Some(there)) => Some(Arc::new(Kept {
                    value: value.clone(),
                    version: there.version,
                    expires: *expires,
                })),
                _ => None,
            };
            memory.remember(*tenant, name, kept);
            memory.count(*tenant, self.counter(*tenant));
        }
    }

    /// Nobody knows whether what was written is in the database.
    pub(crate) fn forget(&self, memory: &Memory) {
        for (tenant, name) in self.keys.keys() {
            memory.forget(*tenant, name);
        }
    }

    fn counter(&self, tenant: TenantId) -> Counter {
        self.counters
            .get(&tenant)
            .copied()
            .flatten()
            .unwrap_or_default()
    }

    /// The version that an event of that time sees; of nothing: 0.
    fn version(&self, tenant: TenantId, name: &str, now_ms: u64) -> Version {
        let there = self.keys.get(&(tenant, name)).and_then(|key| key.there);
        let there = there.filter(|there| there.expires.is_none_or(|expires| expires > now_ms));
        there.map_or(0, |there| there.version)
    }
}

impl There {
    fn of(name: &str, kept: &Kept) -> Self {
        Self {
            version: kept.version,
            expires: kept.expires,
            octets: (name.len() + kept.value.len()) as i64,
        }
    }
}

/// What a row takes of the tenant's quota; none is left of one that is removed.
fn octets(name: &str, write: &Write) -> Option<i64> {
    match write {
        Write::Put { value, .. } => Some((name.len() + value.len()) as i64),
        Write::Remove => None,
    }
}

fn expiry(write: &Write) -> Option<u64> {
    match write {
        Write::Put { expires, .. } => *expires,
        Write::Remove => None,
    }
}

/// Whoever shrinks is never refused: that is the way out.
fn check_quota(before: Counter, after: Counter) -> Result<(), CommitError> {
    let most = limits::KV_KEYS;
    if after.keys > before.keys && after.keys > most {
        return Err(CommitError::Limit { what: "keys", most });
    }
    let most = limits::KV_OCTETS;
    if after.octets > before.octets && after.octets > most {
        let what = "octets";
        return Err(CommitError::Limit { what, most });
    }
    Ok(())
}

/// A statement with a list of rows of `width` values between two texts.
pub(crate) fn listed(
    before: &str,
    width: usize,
    values: impl IntoIterator<Item = Value>,
    after: &str,
) -> Query {
    let values: Vec<Value> = values.into_iter().collect();
    let mut sql = before.to_owned();
    for number in 1..=values.len() {
        let open = if number % width == 1 % width { "(" } else { "" };
        let close = match (number % width, number == values.len()) {
            (0, true) => ")",
            (0, false) => "), ",
            _ => ", ",
        };
        sql.push_str(open);
        // Writing into a String cannot fail.
        let _ = write!(sql, "${number}");
        sql.push_str(close);
    }
    sql.push_str(after);
    values.into_iter().fold(query(sql), Query::bind)
}

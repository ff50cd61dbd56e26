//! The rows that a group of turns reads and writes, while the group is judged.
//!
//! Turns of one group are judged one after the other, each as if those before it were in the
//! database already; what is written then is the last state of each row. Knows SQL, but nobody who
//! runs it.

use std::{collections::BTreeMap, fmt::Write as _};

use model::{
    TenantId,
    turn::{StoreTouch, Version, Write},
};

use super::CommitError;
use crate::{
    StoreError,
    db::{Answers, Batch, Query, Value, parsed, query},
    limits,
};

/// See the module's header. Borrows what turns wrote.
#[derive(Debug, Default)]
pub(crate) struct Sheet<'a> {
    keys: BTreeMap<(TenantId, &'a str), Key<'a>>,
    counters: BTreeMap<TenantId, Counter>,
}

#[derive(Clone, Debug, Default)]
struct Key<'a> {
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

/// The last version of a tenant, and what it keeps.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    version: Version,
    keys: i64,
    octets: i64,
}

impl<'a> Sheet<'a> {
    /// Whether it holds no turn's rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Makes room for the rows of a turn.
    pub(crate) fn expect(&mut self, tenant: TenantId, touch: &'a StoreTouch) {
        for key in touch.reads.keys().chain(touch.writes.keys()) {
            self.keys.entry((tenant, key)).or_default();
        }
        self.counters.entry(tenant).or_default();
    }

    /// Asks for the rows; [`fill`](Self::fill) takes the answers.
    pub(crate) fn ask(&self, batch: &mut Batch) {
        let names = self
            .keys
            .keys()
            .flat_map(|(tenant, name)| [Value::from(*tenant), Value::from(*name)]);
        batch.add(listed(
            "SELECT tenant, name, version, expires, octet_length(name) + octet_length(value)
             FROM kv WHERE (tenant, name) IN (VALUES ",
            2,
            names,
            ")",
        ));
        batch.add(listed(
            "SELECT tenant, value, keys, octets FROM kv_counter WHERE (tenant) IN (VALUES ",
            1,
            self.counters.keys().map(|tenant| Value::from(*tenant)),
            ")",
        ));
    }

    /// Takes the rows that are there.
    pub(crate) fn fill(&mut self, answers: &mut Answers) -> Result<(), StoreError> {
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
        for ((tenant, name), key) in &mut self.keys {
            key.there = there.remove(&(*tenant, (*name).to_owned()));
        }
        let rows: Vec<(String, i64, i64, i64)> = answers.rows()?;
        for (tenant, version, keys, octets) in rows {
            let counter = Counter {
                version,
                keys,
                octets,
            };
            self.counters.insert(parsed(&tenant)?, counter);
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
        let before = self.counters.get(&tenant).copied().unwrap_or_default();
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
            let write = Some(write);
            self.keys.insert((tenant, name), Key { there, write });
        }
        self.counters.insert(tenant, after);
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
            let counter = self.counters.get(&tenant).copied().unwrap_or_default();
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

    /// The version that an event of that time sees; of nothing: 0.
    fn version(&self, tenant: TenantId, name: &str, now_ms: u64) -> Version {
        let there = self.keys.get(&(tenant, name)).and_then(|key| key.there);
        let there = there.filter(|there| there.expires.is_none_or(|expires| expires > now_ms));
        there.map_or(0, |there| there.version)
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

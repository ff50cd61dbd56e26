//! Lists that are filtered: only what is asked for stands in the statement, so that each finds its index.

use model::TenantId;

use super::{Query, Value, query};

/// What a list is asked for: its newest rows first, of one tenant.
pub(crate) struct Filtered<'a, const N: usize> {
    /// `SELECT … FROM … WHERE tenant = $1`.
    pub(crate) opening: &'static str,
    /// Conditions as `column =`, and what must stand behind them; without a value there is none.
    pub(crate) conditions: [(&'a str, Option<Value>); N],
    /// The id, by which rows are ordered: it begins with its time.
    pub(crate) id: &'static str,
    /// Rows at the most.
    pub(crate) rows: i64,
}

impl<const N: usize> Filtered<'_, N> {
    /// The statement, for that tenant.
    pub(crate) fn of(self, tenant: TenantId) -> Query {
        let mut sql = self.opening.to_owned();
        let mut values = vec![Value::from(tenant)];
        for (condition, value) in self.conditions {
            if let Some(value) = value {
                values.push(value);
                sql = format!("{sql} AND {condition} ${}", values.len());
            }
        }
        values.push(Value::from(self.rows));
        sql = format!("{sql} ORDER BY {} DESC LIMIT ${}", self.id, values.len());
        values.into_iter().fold(query(sql), Query::bind)
    }
}

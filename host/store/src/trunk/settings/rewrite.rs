//! The rules of a trunk, as its settings hold them.

use model::{Rewrite, Rule, Rules, Spelling};
use serde::{Deserialize, Serialize};

use super::damaged;
use crate::StoreError;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RewriteRow {
    #[serde(rename = "in")]
    inbound: SpellingRow,
    #[serde(rename = "out")]
    outbound: SpellingRow,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct SpellingRow {
    called: Vec<RuleRow>,
    caller: Vec<RuleRow>,
}

#[derive(Serialize, Deserialize)]
struct RuleRow {
    prefix: String,
    strip: usize,
    prepend: String,
}

impl RewriteRow {
    pub(super) fn of(rewrite: &Rewrite) -> Self {
        let spelling = |of: &Spelling| SpellingRow {
            called: rows(&of.called),
            caller: rows(&of.caller),
        };
        Self {
            inbound: spelling(&rewrite.inbound),
            outbound: spelling(&rewrite.outbound),
        }
    }

    pub(super) fn read(self) -> Result<Rewrite, StoreError> {
        let spelling = |row: SpellingRow| {
            Ok::<_, StoreError>(Spelling {
                called: rules(row.called)?,
                caller: rules(row.caller)?,
            })
        };
        Ok(Rewrite {
            inbound: spelling(self.inbound)?,
            outbound: spelling(self.outbound)?,
        })
    }
}

fn rows(rules: &Rules) -> Vec<RuleRow> {
    let row = |rule: &Rule| RuleRow {
        prefix: rule.prefix.clone(),
        strip: rule.strip,
        prepend: rule.prepend.clone(),
    };
    rules.iter().map(row).collect()
}

fn rules(rows: Vec<RuleRow>) -> Result<Rules, StoreError> {
    let rule = |row: RuleRow| Rule {
        prefix: row.prefix,
        strip: row.strip,
        prepend: row.prepend,
    };
    Rules::new(rows.into_iter().map(rule).collect()).map_err(damaged)
}

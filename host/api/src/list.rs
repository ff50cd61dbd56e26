//! Lists: `limit`, `starting_after`, `has_more`, and the filters of a query, read strictly.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use axum::{
    Json,
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::Serialize;
use store::{Listed, Page};
use utoipa::ToSchema;

use crate::{
    State,
    fault::{Faults, Place},
    limits,
    problem::{Kind, Problem},
    time,
};

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The objects.
    pub(crate) data: Vec<T>,
    /// Whether there are more behind the last one.
    pub(crate) has_more: bool,
}

impl<T> List<T> {
    /// The answer for a page of rows.
    pub(crate) fn of<R: Into<T>>(page: Listed<R>) -> Json<Self> {
        Json(Self {
            data: page.data.into_iter().map(R::into).collect(),
            has_more: page.has_more,
        })
    }
}

/// The parameters of a query. What nobody asks for is refused, so that a misspelt filter does not
/// silently answer with everything.
pub(crate) struct Parameters {
    given: BTreeMap<String, String>,
    wrong: Faults,
}

impl FromRequestParts<State> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let unreadable = |_| Problem::new(Kind::InvalidQuery, "the query cannot be read");
        let Query(pairs) = query.map_err(unreadable)?;
        let mut read = Self {
            given: BTreeMap::new(),
            wrong: Faults::default(),
        };
        for (name, value) in pairs {
            if read.given.insert(name.clone(), value).is_some() {
                read.refuse(&name, "stands there twice");
            }
        }
        Ok(read)
    }
}

impl Parameters {
    /// One parameter, if it is given.
    pub(crate) fn take<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        self.checked(name, |text| {
            T::from_str(text).map_err(|why| why.to_string())
        })
    }

    /// One parameter, if it is given, checked by a function.
    pub(crate) fn checked<T>(
        &mut self,
        name: &str,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.given.remove(name)?;
        check(&text).inspect_err(|why| self.refuse(name, why)).ok()
    }

    /// A time, if it is given; Unix milliseconds.
    pub(crate) fn time(&mut self, name: &str) -> Option<u64> {
        let no_time = || "is not a time such as 2026-07-24T08:15:30Z".to_owned();
        self.checked(name, |text| time::unix_ms(text).ok_or_else(no_time))
    }

    /// `limit` and `starting_after`.
    pub(crate) fn page<K: FromStr<Err: Display>>(&mut self) -> Page<K> {
        let most = limits::LIST_MOST;
        let limit = self.checked("limit", |text| match text.parse() {
            Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
            _ => Err(format!("is not 1 to {most}")),
        });
        Page {
            limit: limit.unwrap_or(limits::LIST_DEFAULT),
            after: self.take("starting_after"),
        }
    }

    /// `limit` and `starting_after` of a list that has no filters.
    pub(crate) fn only_page<K: FromStr<Err: Display>>(mut self) -> Result<Page<K>, Problem> {
        let page = self.page();
        self.finish().map(|()| page)
    }

    /// Fails if a parameter was wrong or is left over.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.given).into_keys() {
            self.refuse(&name, "is not known here");
        }
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(Problem::wrong(Kind::InvalidQuery, self.wrong.into_vec()))
        }
    }

    fn refuse(&mut self, name: &str, why: &str) {
        self.wrong.note(Place::member(name), why);
    }
}

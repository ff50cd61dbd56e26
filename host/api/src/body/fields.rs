//! The members of one JSON object, read one by one. What is wrong is noted and reading goes on, so
//! that one answer names every fault; what nobody asked for is unknown.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use serde_json::{Map, Value};

use crate::fault::{Faults, Place, Wrong};

/// A reader of one object.
pub(crate) struct Fields<'a> {
    /// Where in the body the object stands.
    place: Place<'a>,
    members: &'a Map<String, Value>,
    asked: BTreeSet<&'a str>,
    wrong: Faults,
}

impl<'a> Fields<'a> {
    /// A reader of a body's members.
    pub(crate) fn of(members: &'a Map<String, Value>) -> Self {
        Self::within(Place::Whole, members)
    }

    fn within(place: Place<'a>, members: &'a Map<String, Value>) -> Self {
        Self {
            place,
            members,
            asked: BTreeSet::new(),
            wrong: Faults::default(),
        }
    }

    /// All that is wrong; members that were never asked for are unknown.
    pub(crate) fn finish(mut self) -> Vec<Wrong> {
        for name in self.members.keys() {
            if !self.asked.contains(name.as_str()) {
                self.wrong
                    .note(Place::Member(&self.place, name), "is not known here");
            }
        }
        self.wrong.into_vec()
    }

    /// A text that must be there, as `T`.
    pub(crate) fn text<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let value = self.required(name)?;
        self.read_text(name, value, T::from_str)
    }

    /// A text that may be absent or null: `Some(None)`.
    #[allow(clippy::option_option)] // outer: could be read; inner: was there
    pub(crate) fn optional<T>(&mut self, name: &'static str) -> Option<Option<T>>
    where
        T: FromStr<Err: Display>,
    {
        self.optional_checked(name, T::from_str)
    }

    /// The same, checked by a function.
    #[allow(clippy::option_option)] // outer: could be read; inner: was there
    pub(crate) fn optional_checked<T, E: Display>(
        &mut self,
        name: &'static str,
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let Some(value) = self.get(name) else {
            return Some(None);
        };
        self.read_text(name, value, check).map(Some)
    }

    /// A text that must be there, checked by a function.
    pub(crate) fn checked<T, E: Display>(
        &mut self,
        name: &'static str,
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.required(name)?;
        self.read_text(name, value, check)
    }

    /// `true` or `false`; absent: `default`.
    pub(crate) fn flag(&mut self, name: &'static str, default: bool) -> Option<bool> {
        match self.get(name) {
            None => Some(default),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => self.refuse(name, "is not true or false"),
        }
    }

    /// A whole number from 0; absent: `default`, or a fault if there is none.
    pub(crate) fn number(&mut self, name: &'static str, default: Option<u32>) -> Option<u32> {
        let value = match (self.get(name), default) {
            (None, Some(default)) => return Some(default),
            (None, None) => self.required(name)?,
            (Some(value), _) => value,
        };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        match number {
            Some(number) => Some(number),
            None => self.refuse(name, "is not a whole number from 0"),
        }
    }

    /// A whole number from 1 that may be absent: `Some(None)`.
    #[allow(clippy::option_option)] // outer: could be read; inner: was there
    pub(crate) fn count(&mut self, name: &'static str) -> Option<Option<u32>> {
        if self.get(name).is_none() {
            return Some(None);
        }
        match self.number(name, None)? {
            0 => self.refuse(name, "is not a whole number from 1"),
            count => Some(Some(count)),
        }
    }

    /// A whole number from 0 to 65,535; absent: `default`.
    pub(crate) fn small(&mut self, name: &'static str, default: u16) -> Option<u16> {
        let number = self.number(name, Some(default.into()))?;
        match u16::try_from(number) {
            Ok(number) => Some(number),
            Err(_) => self.refuse(name, "is more than 65535"),
        }
    }

    /// A list of at most `most` texts; absent: none.
    #[allow(clippy::option_option)] // outer: could be read; inner: was there
    pub(crate) fn texts<T, E: Display>(
        &mut self,
        name: &'static str,
        most: usize,
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Option<Vec<T>>> {
        let Some(value) = self.get(name) else {
            return Some(None);
        };
        let Value::Array(items) = value else {
            return self.refuse(name, "is not a list");
        };
        if items.len() > most {
            return self.refuse(name, &format!("has more than {most} items"));
        }
        let list = Place::Member(&self.place, name);
        let mut read = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let place = Place::Item(&list, at);
            match item.as_str().map(&check) {
                Some(Ok(item)) => read.push(item),
                Some(Err(why)) => self.wrong.note(place, &why.to_string()),
                None => self.wrong.note(place, "is not a text"),
            }
        }
        (read.len() == items.len()).then_some(Some(read))
    }

    /// An object that may be absent: `Some(None)`. `read` reads it: none only if it has noted why.
    #[allow(clippy::option_option)] // outer: could be read; inner: was there
    pub(crate) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        let members = match self.get(name) {
            None => return Some(None),
            Some(Value::Object(members)) => members,
            Some(_) => return self.refuse(name, "is not an object"),
        };
        let mut fields = Fields::within(Place::Member(&self.place, name), members);
        let one = read(&mut fields);
        let faults = fields.finish();
        let sound = faults.is_empty();
        self.wrong.add(faults);
        one.filter(|_| sound).map(Some)
    }

    /// A list of at most `most` objects; absent: none. `read` reads one: none only if it has noted why.
    pub(crate) fn objects<T>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = match self.get(name) {
            None => return Some(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return self.refuse(name, "is not a list"),
        };
        if items.len() > most {
            return self.refuse(name, &format!("has more than {most} items"));
        }
        let list = Place::Member(&self.place, name);
        let mut all = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let place = Place::Item(&list, at);
            let Value::Object(members) = item else {
                self.wrong.note(place, "is not an object");
                continue;
            };
            let mut fields = Fields::within(place, members);
            let one = read(&mut fields);
            let faults = fields.finish();
            if faults.is_empty() {
                all.extend(one);
            }
            self.wrong.add(faults);
        }
        (all.len() == items.len()).then_some(all)
    }

    /// Any JSON that may be absent.
    pub(crate) fn any(&mut self, name: &'static str) -> Option<&'a Value> {
        self.get(name)
    }

    /// All members, whatever their names: none is unknown then.
    pub(crate) fn all(&mut self) -> &'a Map<String, Value> {
        self.asked.extend(self.members.keys().map(String::as_str));
        self.members
    }

    /// Notes a fault of a member. Always none, so that a reader can end with it.
    pub(crate) fn refuse<T>(&mut self, name: &str, why: &str) -> Option<T> {
        self.wrong.note(Place::Member(&self.place, name), why);
        None
    }

    /// The member, unless it is absent or null.
    fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.insert(name);
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn required(&mut self, name: &'static str) -> Option<&'a Value> {
        match self.get(name) {
            Some(value) => Some(value),
            None => self.refuse(name, "is missing"),
        }
    }

    fn read_text<T, E: Display>(
        &mut self,
        name: &str,
        value: &Value,
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match value.as_str().map(check) {
            Some(Ok(read)) => Some(read),
            Some(Err(why)) => self.refuse(name, &why.to_string()),
            None => self.refuse(name, "is not a text"),
        }
    }
}

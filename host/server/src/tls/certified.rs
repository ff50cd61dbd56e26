//! The names that peers must prove to have, by number (RFC 5922): a flow has no room for a name.
//!
//! Owns the numbers. One is never given twice, so that a connection of one name is never taken for another's;
//! a name that nobody asks for any more keeps its number while there is room, for the calls that are left.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::PeerName;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::names::NAMES;

/// Cheap to clone, and every clone is the same. The lock is held for a look and a step.
#[derive(Clone, Debug, Default)]
pub struct Certified(Arc<Mutex<Numbers>>);

#[derive(Debug, Default)]
struct Numbers {
    by_name: BTreeMap<String, PeerName>,
    by_number: BTreeMap<NonZeroU32, ServerName<'static>>,
    last: u32,
}

impl Certified {
    /// The number of a name; `None` if no certificate can have it.
    pub fn number(&self, name: &str) -> Option<PeerName> {
        let mut numbers = self.numbers();
        if let Some(number) = numbers.by_name.get(name) {
            return Some(*number);
        }
        let server = ServerName::try_from(name.to_owned()).ok()?;
        numbers.last = numbers.last.checked_add(1)?;
        let number = NonZeroU32::new(numbers.last)?;
        numbers.by_number.insert(number, server);
        numbers.by_name.insert(name.to_owned(), PeerName(number));
        Some(PeerName(number))
    }

    /// The name of a number.
    pub fn name(&self, number: sip::PeerName) -> Option<ServerName<'static>> {
        self.numbers().by_number.get(&number.0).cloned()
    }

    /// These names are asked for; if there are too many others, these are all that is left.
    pub fn keep(&self, wanted: &BTreeSet<&str>) {
        let mut numbers = self.numbers();
        let Numbers {
            by_name, by_number, ..
        } = &mut *numbers;
        if by_name.len() >= 2 * NAMES {
            for (_, PeerName(number)) in
                by_name.extract_if(.., |name, _| !wanted.contains(name.as_str()))
            {
                by_number.remove(&number);
            }
        }
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Certified;
    use crate::names::NAMES;

    #[test]
    fn a_name_has_one_number_and_no_other_has_it() {
        let certified = Certified::default();
        let [one, two] = ["one.example", "two.example"].map(|it| certified.number(it).unwrap());
        assert_ne!(one, two);
        assert_eq!(certified.number("one.example"), Some(one));
        let name = certified.name(sip::PeerName(one.0)).unwrap();
        assert_eq!(name.to_str(), "one.example");
        assert_eq!(certified.number("no name"), None);
    }

    #[test]
    fn of_names_that_nobody_asks_for_no_more_stay_than_there_is_room_for() {
        let certified = Certified::default();
        let name = |n: usize| format!("{n}.example");
        let first = certified.number(&name(0)).unwrap();
        let wanted: BTreeSet<_> = ["0.example"].into();
        for n in 1..3 * NAMES {
            certified.number(&name(n)).unwrap();
            certified.keep(&wanted);
            assert!(certified.numbers().by_name.len() < 2 * NAMES);
        }
        let numbers = certified.numbers();
        assert_eq!(numbers.by_name.len(), numbers.by_number.len());
        drop(numbers);
        assert_eq!(certified.number(&name(0)), Some(first));
        assert_ne!(certified.number(&name(1)), certified.number(&name(2)));
        assert!(certified.number(&name(1)).unwrap() > first);
    }
}

//! Components that could not be made, and why: what was refused is not tried again for a while.
//!
//! Without it every turn of a version that cannot be compiled would have the compiler to itself for as long as one
//! may take. Owns the answers and how long they hold; does not know who asks.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use policy::Refusal;

/// How long a refusal is believed. Nothing that it depends on changes while the node runs, but the machine.
const BELIEVED: Duration = Duration::from_secs(600);
/// Likewise if it was the node that failed, which may pass.
const BELIEVED_OF_NODE: Duration = Duration::from_secs(60);
/// Refusals that are remembered; the next one is in place of the oldest.
const MOST: usize = 1_024;

/// The refusals, by digest, and when they were told.
#[derive(Debug, Default)]
pub struct Refused(BTreeMap<String, (Refusal, Instant)>);

impl Refused {
    /// Why the component of that digest was refused lately.
    pub fn get(&self, digest: &str, now: Instant) -> Option<&Refusal> {
        let (refusal, at) = self.0.get(digest)?;
        let believed = match refusal {
            Refusal::NotCompiled(_) => BELIEVED_OF_NODE,
            _ => BELIEVED,
        };
        (now.saturating_duration_since(*at) < believed).then_some(refusal)
    }

    /// It was refused.
    pub fn put(&mut self, digest: String, refusal: Refusal, now: Instant) {
        self.0.insert(digest, (refusal, now));
        if self.0.len() > MOST {
            let oldest = self.0.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(digest, _)| digest.clone()) {
                self.0.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use policy::Refusal;

    use super::{BELIEVED, BELIEVED_OF_NODE, MOST, Refused};
    use crate::clock;

    #[test]
    fn a_refusal_is_believed_for_a_while_and_one_of_the_nodes_own_for_less() {
        let (mut refused, now) = (Refused::default(), clock::instant());
        let ours = Refusal::NotCompiled("no process".into());
        let its = Refusal::CompileMemory(64);
        refused.put("ours".into(), ours.clone(), now);
        refused.put("its".into(), its.clone(), now);
        let seen = |after| {
            let now = now + after;
            [refused.get("ours", now), refused.get("its", now)]
        };
        assert_eq!(seen(Duration::ZERO), [Some(&ours), Some(&its)]);
        assert_eq!(seen(BELIEVED_OF_NODE), [None, Some(&its)]);
        assert_eq!(seen(BELIEVED), [None, None]);
    }

    #[test]
    fn so_many_are_remembered_and_the_oldest_goes() {
        let (mut refused, now) = (Refused::default(), clock::instant());
        let at = |count| now + Duration::from_millis(count as u64);
        for count in 0..=MOST {
            let refusal = Refusal::NotAComponent;
            refused.put(count.to_string(), refusal, at(count));
        }
        assert_eq!(refused.0.len(), MOST);
        assert_eq!(refused.get("0", at(MOST)), None);
        assert!(refused.get("1", at(MOST)).is_some());
    }
}

//! Prompts in memory: those that were played last, as many as fit.

use std::{collections::BTreeMap, sync::Arc};

use media::Prompt;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Memory {
    most: usize,
    octets: usize,
    /// With when each was used last.
    kept: BTreeMap<String, (u64, Arc<Prompt>)>,
    uses: u64,
    evicted: u64,
}

impl Memory {
    /// Empty, with room for so many octets.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            octets: 0,
            kept: BTreeMap::new(),
            uses: 0,
            evicted: 0,
        }
    }

    pub(super) fn get(&mut self, digest: &str) -> Option<Arc<Prompt>> {
        self.uses += 1;
        let (used, prompt) = self.kept.get_mut(digest)?;
        *used = self.uses;
        Some(Arc::clone(prompt))
    }

    /// Keeps a prompt in place of those that were used the longest ago; one that would not fit alone is
    /// not kept.
    pub(super) fn put(&mut self, digest: &str, prompt: Arc<Prompt>) {
        let octets = prompt.octets();
        if octets > self.most {
            return;
        }
        self.uses += 1;
        self.octets += octets;
        let before = self.kept.insert(digest.to_owned(), (self.uses, prompt));
        if let Some((_, before)) = before {
            self.octets -= before.octets();
        }
        while self.octets > self.most
            && let Some(oldest) = self.oldest()
            && let Some((_, prompt)) = self.kept.remove(&oldest)
        {
            self.octets -= prompt.octets();
            self.evicted += 1;
        }
    }

    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Looked for from the first to the last: a file is read each time, which costs a thousand times that.
    fn oldest(&self) -> Option<String> {
        let oldest = self.kept.iter().min_by_key(|(_, (used, _))| *used);
        oldest.map(|(digest, _)| digest.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use media::{Prompt, codec::Rate};

    use super::Memory;

    #[test]
    fn who_was_played_the_longest_ago_makes_room() {
        let prompt = || Arc::new(Prompt::new(&[0; 800], Rate::Narrow));
        let octets = prompt().octets();
        let mut memory = Memory::new(3 * octets);
        for digest in ["a", "b", "c"] {
            memory.put(digest, prompt());
        }
        assert!(memory.get("a").is_some());
        memory.put("d", prompt());
        assert_eq!((memory.octets(), memory.evicted()), (3 * octets, 1));
        let kept = ["a", "b", "c", "d"].map(|digest| memory.get(digest).is_some());
        assert_eq!(kept, [true, false, true, true]);

        // The same once more takes no more room, and what is too large takes none.
        memory.put("d", prompt());
        memory.put("e", Arc::new(Prompt::new(&[0; 4_800], Rate::Narrow)));
        assert_eq!((memory.octets(), memory.evicted()), (3 * octets, 1));
        assert!(memory.get("e").is_none());
    }
}

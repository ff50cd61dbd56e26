//! A queue that is fair to tenants: each in turn gives one of its items, and none has more than its
//! share under way, nor all of them together more than there is room for.
//!
//! Owns the order; knows nothing of what is queued.

use std::collections::{BTreeMap, VecDeque};

/// Items that wait, by key, and how many of each key are under way.
#[derive(Debug)]
pub struct Fair<K, T> {
    lines: BTreeMap<K, Line<T>>,
    /// Keys with an item that may go, in their turn.
    ring: VecDeque<K>,
    room: usize,
    share: usize,
    under_way: usize,
}

#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<T>,
    under_way: usize,
}

impl<K: Copy + Ord, T> Fair<K, T> {
    /// Empty; at most `room` are under way, of each key at most `share`.
    pub fn new(room: usize, share: usize) -> Self {
        Self {
            lines: BTreeMap::new(),
            ring: VecDeque::new(),
            room,
            share,
            under_way: 0,
        }
    }

    /// Queues an item behind the others of its key.
    pub fn push(&mut self, key: K, item: T) {
        let line = self.lines.entry(key).or_insert_with(|| Line {
            waiting: VecDeque::new(),
            under_way: 0,
        });
        line.waiting.push_back(item);
        if line.waiting.len() == 1 && line.under_way < self.share {
            self.ring.push_back(key);
        }
    }

    /// The next item that may go. It is under way until [`ended`](Self::ended).
    pub fn pop(&mut self) -> Option<(K, T)> {
        if self.under_way == self.room {
            return None;
        }
        let key = self.ring.pop_front()?;
        // A key stands in the ring only while its line has an item.
        let line = self.lines.get_mut(&key)?;
        let item = line.waiting.pop_front()?;
        line.under_way += 1;
        self.under_way += 1;
        if !line.waiting.is_empty() && line.under_way < self.share {
            self.ring.push_back(key);
        }
        Some((key, item))
    }

    /// One of that key is no longer under way.
    pub fn ended(&mut self, key: K) {
        let Some(line) = self.lines.get_mut(&key) else {
            return;
        };
        let was_full = line.under_way == self.share;
        line.under_way -= 1;
        self.under_way -= 1;
        if line.waiting.is_empty() && line.under_way == 0 {
            self.lines.remove(&key);
        } else if was_full && !line.waiting.is_empty() {
            self.ring.push_back(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fair;

    #[test]
    fn keys_take_turns() {
        let mut queue = Fair::new(9, 8);
        for item in 0..3 {
            queue.push('a', item);
        }
        queue.push('b', 3);
        queue.push('c', 4);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [('a', 0), ('b', 3), ('c', 4), ('a', 1), ('a', 2)]);
    }

    #[test]
    fn all_keys_together_have_no_more_than_there_is_room_for() {
        let mut queue = Fair::new(3, 2);
        for item in 0..4 {
            queue.push('a', item);
            queue.push('b', item);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [('a', 0), ('b', 0), ('a', 1)]);
        queue.ended('a');
        assert_eq!(queue.pop(), Some(('b', 1)));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn no_key_has_more_than_its_share_under_way() {
        let mut queue = Fair::new(9, 2);
        for item in 0..4 {
            queue.push('a', item);
        }
        queue.push('b', 9);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [('a', 0), ('b', 9), ('a', 1)]);
        queue.ended('b');
        assert_eq!(queue.pop(), None);
        queue.ended('a');
        assert_eq!(queue.pop(), Some(('a', 2)));
        assert_eq!(queue.pop(), None);
        queue.ended('a');
        queue.ended('a');
        assert_eq!(queue.pop(), Some(('a', 3)));
        queue.ended('a');
        assert!(queue.lines.is_empty() && queue.ring.is_empty());
    }
}

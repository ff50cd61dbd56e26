//! Lists in pages: by cursor, never by page number.

use crate::limits;

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct Page<K> {
    /// How many, 1 to [`limits::PAGE`]; others are taken for the nearest.
    pub limit: u32,
    /// Those that follow this one in the list's order.
    pub after: Option<K>,
}

impl<K> Page<K> {
    /// The first so many.
    pub fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// Rows to ask the database for: one more than the page, which tells whether there are more.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.size()) + 1
    }

    /// Makes the page of what the database answered.
    pub(crate) fn cut<T>(&self, mut data: Vec<T>) -> Listed<T> {
        let size = self.size() as usize;
        let has_more = data.len() > size;
        data.truncate(size);
        Listed { data, has_more }
    }

    fn size(&self) -> u32 {
        self.limit.clamp(1, limits::PAGE)
    }
}

impl<K: ToString> Page<K> {
    /// The cursor as text; the empty text stands before all others.
    pub(crate) fn cursor(&self) -> String {
        self.after.as_ref().map(K::to_string).unwrap_or_default()
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// Its rows.
    pub data: Vec<T>,
    /// Whether others follow.
    pub has_more: bool,
}

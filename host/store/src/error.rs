//! What can go wrong, and the HTTP status that it comes to.

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The tenant has no such thing.
    #[error("no such {what}")]
    NotFound {
        /// The noun.
        what: &'static str,
    },
    /// It contradicts what is there.
    #[error("{what}")]
    Conflict {
        /// What contradicts what.
        what: String,
    },
    /// A value that cannot be stored.
    #[error("{field}: {why}")]
    Invalid {
        /// The member, as the API spells it.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The tenant has as many as it may have.
    #[error("the tenant has {most} {what}, the most it may have")]
    Limit {
        /// The noun, plural.
        what: &'static str,
        /// The limit.
        most: i64,
    },
    /// The database is away, busy or full.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// A row that cannot be read: written by another version, or damaged.
    #[error("row is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::Conflict { .. } | Self::Limit { .. } => 409,
            Self::Invalid { .. } => 422,
            Self::Unavailable(_) => 503,
            Self::Damaged(_) => 500,
        }
    }

    pub(crate) fn closed() -> Self {
        Self::Unavailable("the store is closed".into())
    }

    pub(crate) fn invalid(field: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Invalid { field, why }
    }

    /// The same, but a broken uniqueness is told in these words.
    pub(crate) fn taken(self, what: impl FnOnce() -> String) -> Self {
        match self {
            Self::Conflict { .. } => Self::Conflict { what: what() },
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(db) if db.is_unique_violation() => Self::Conflict {
                what: "it exists already".into(),
            },
            sqlx::Error::Database(db) if db.is_foreign_key_violation() => Self::NotFound {
                what: "tenant or plugin",
            },
            sqlx::Error::Database(db) if is_refused(db.kind()) => Self::Damaged(error.to_string()),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_) => Self::Damaged(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// The engine is there, but does not want that row.
fn is_refused(kind: sqlx::error::ErrorKind) -> bool {
    use sqlx::error::ErrorKind;
    matches!(
        kind,
        ErrorKind::NotNullViolation | ErrorKind::CheckViolation
    )
}

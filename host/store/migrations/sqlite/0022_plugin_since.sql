-- Since when the active version is so, and the one on trial: `activated` is the time of any change. Of rows from
-- before nothing is known, and their versions are not new any more.
ALTER TABLE plugin ADD COLUMN active_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE plugin ADD COLUMN trial_since BIGINT NOT NULL DEFAULT 0;

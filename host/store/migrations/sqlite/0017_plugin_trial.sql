-- A version that a share of new sessions begins with (`percent`, else 100), and since when it is so.
ALTER TABLE plugin ADD COLUMN trial BIGINT;
ALTER TABLE plugin ADD COLUMN activated BIGINT NOT NULL DEFAULT 0;

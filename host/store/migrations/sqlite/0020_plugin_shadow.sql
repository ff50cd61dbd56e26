-- A version that runs along on new sessions without effects, and what it has shown.
ALTER TABLE plugin ADD COLUMN shadow BIGINT;
ALTER TABLE plugin ADD COLUMN shadow_sessions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE plugin ADD COLUMN shadow_turns BIGINT NOT NULL DEFAULT 0;
ALTER TABLE plugin ADD COLUMN shadow_differ BIGINT NOT NULL DEFAULT 0;
ALTER TABLE plugin ADD COLUMN shadow_unknown BIGINT NOT NULL DEFAULT 0;

-- The version that was left, by a hand or because its turns faulted: should it be the platform's own build, a restart
-- does not install it again. What is activated for all clears it.
ALTER TABLE plugin ADD COLUMN left_version BIGINT;
UPDATE plugin SET left_version = given_up;

-- When a new version is given up: so many turns that fault within so many seconds; 0 faults: never. And what came
-- of it: the version that was given up last, why and when; a hand that activates anything clears it.
ALTER TABLE plugin ADD COLUMN max_faults BIGINT NOT NULL DEFAULT 3;
ALTER TABLE plugin ADD COLUMN fault_window_s BIGINT NOT NULL DEFAULT 600;
ALTER TABLE plugin ADD COLUMN given_up BIGINT;
ALTER TABLE plugin ADD COLUMN given_up_why TEXT;
ALTER TABLE plugin ADD COLUMN given_up_at BIGINT;

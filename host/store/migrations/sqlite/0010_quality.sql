-- How a call sounded: measured here, and reported by the party. In microseconds, packets, and hundredths.
ALTER TABLE cdr ADD COLUMN jitter_us BIGINT;
ALTER TABLE cdr ADD COLUMN remote_lost BIGINT;
ALTER TABLE cdr ADD COLUMN remote_jitter_us BIGINT;
ALTER TABLE cdr ADD COLUMN rtt_us BIGINT;
ALTER TABLE cdr ADD COLUMN mos BIGINT;

-- What turns used besides: octets of linear memory that one had at the most, and how many faulted.
ALTER TABLE cdr ADD COLUMN memory BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cdr ADD COLUMN faults BIGINT NOT NULL DEFAULT 0;

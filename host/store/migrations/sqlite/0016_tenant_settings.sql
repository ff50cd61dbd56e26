-- What a tenant has set for itself; NULL is as the node has it.
ALTER TABLE tenant ADD COLUMN media_timeout_s BIGINT;
ALTER TABLE tenant ADD COLUMN recordings_days BIGINT;

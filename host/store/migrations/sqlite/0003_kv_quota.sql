-- What a tenant's policies keep, counted as it is written: their quota is checked at every commit.
ALTER TABLE kv_counter ADD COLUMN keys BIGINT NOT NULL DEFAULT 0;
ALTER TABLE kv_counter ADD COLUMN octets BIGINT NOT NULL DEFAULT 0;
UPDATE kv_counter SET
    keys = (SELECT count(*) FROM kv WHERE kv.tenant = kv_counter.tenant),
    octets = (SELECT coalesce(sum(octet_length(name) + octet_length(value)), 0) FROM kv
              WHERE kv.tenant = kv_counter.tenant);

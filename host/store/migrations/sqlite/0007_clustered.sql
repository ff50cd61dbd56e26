-- Tables that are written with every call are their own primary key: a row is one page to write,
-- not the table's, its key's and its tenant's.

CREATE TABLE kv_clustered (
    tenant  TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    value   BLOB   NOT NULL,
    version BIGINT NOT NULL,
    expires BIGINT,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
INSERT INTO kv_clustered SELECT tenant, name, value, version, expires FROM kv;
DROP TABLE kv;
ALTER TABLE kv_clustered RENAME TO kv;
CREATE INDEX kv_by_expiry ON kv (expires) WHERE expires IS NOT NULL;

CREATE TABLE cdr_clustered (
    tenant           TEXT   NOT NULL,
    call_id          TEXT   NOT NULL,
    session_id       TEXT   NOT NULL,
    direction        TEXT   NOT NULL,
    from_uri         TEXT   NOT NULL,
    to_uri           TEXT   NOT NULL,
    begin_time       BIGINT NOT NULL,
    answer_time      BIGINT,
    end_time         BIGINT,
    dropped_by       TEXT,
    cause            BIGINT,
    end_reason       TEXT,
    user_data        TEXT   NOT NULL,
    number           TEXT   NOT NULL,
    plugin           TEXT   NOT NULL,
    version          BIGINT NOT NULL,
    codec            TEXT,
    packets_received BIGINT NOT NULL,
    packets_sent     BIGINT NOT NULL,
    packets_lost     BIGINT NOT NULL,
    turns            BIGINT NOT NULL,
    guest_us         BIGINT NOT NULL,
    host_calls       BIGINT NOT NULL,
    PRIMARY KEY (tenant, call_id)
) WITHOUT ROWID;
INSERT INTO cdr_clustered
    SELECT tenant, call_id, session_id, direction, from_uri, to_uri, begin_time, answer_time,
           end_time, dropped_by, cause, end_reason, user_data, number, plugin, version, codec,
           packets_received, packets_sent, packets_lost, turns, guest_us, host_calls
    FROM cdr;
DROP TABLE cdr;
ALTER TABLE cdr_clustered RENAME TO cdr;
CREATE INDEX cdr_by_session ON cdr (tenant, session_id);
CREATE INDEX cdr_by_user_data ON cdr (tenant, user_data);
CREATE INDEX cdr_by_number ON cdr (tenant, number, call_id);
CREATE INDEX cdr_open ON cdr (call_id) WHERE end_reason IS NULL;

CREATE TABLE trace_call_clustered (
    tenant     TEXT NOT NULL,
    call_id    TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES trace (session_id),
    PRIMARY KEY (tenant, call_id)
) WITHOUT ROWID;
INSERT INTO trace_call_clustered SELECT tenant, call_id, session_id FROM trace_call;
DROP TABLE trace_call;
ALTER TABLE trace_call_clustered RENAME TO trace_call;

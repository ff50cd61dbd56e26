-- Recordings of calls; their audio is a file of that name. Neither the call nor the session must have a row
-- when it begins.
CREATE TABLE recording (
    tenant      TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    call_id     TEXT   NOT NULL,
    session_id  TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    begin_time  BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    duration_ms BIGINT,
    octets      BIGINT,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX recording_by_id ON recording (id);
CREATE INDEX recording_by_call ON recording (tenant, call_id, id);
CREATE INDEX recording_by_session ON recording (tenant, session_id, id);
CREATE INDEX recording_open ON recording (id) WHERE state = 'open';

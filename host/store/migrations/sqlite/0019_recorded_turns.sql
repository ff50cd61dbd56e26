-- Recorded turns, and what is known of their sessions; a tenant may want none.
CREATE TABLE recorded_session (
    tenant     TEXT   NOT NULL,
    session_id TEXT   NOT NULL,
    plugin     TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    digest     TEXT   NOT NULL,
    begin_time BIGINT NOT NULL,
    turns      BIGINT NOT NULL,
    octets     BIGINT NOT NULL,
    lost       BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id)
) WITHOUT ROWID;
CREATE INDEX recorded_by_age ON recorded_session (session_id);
CREATE INDEX recorded_by_plugin ON recorded_session (tenant, plugin, session_id);
CREATE TABLE recorded_turn (
    tenant     TEXT   NOT NULL,
    session_id TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (tenant, session_id, number)
) WITHOUT ROWID;
ALTER TABLE tenant ADD COLUMN records_turns BOOLEAN NOT NULL DEFAULT TRUE;

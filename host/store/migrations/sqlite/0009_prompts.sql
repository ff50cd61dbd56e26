-- Audio that policies play. The files are beside the database, by their digests.
CREATE TABLE prompt (
    tenant   TEXT   NOT NULL REFERENCES tenant (id),
    name     TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    octets   BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- Where the phones that registered can be reached (RFC 3261 §10). They outlive the process.
CREATE TABLE binding (
    tenant     TEXT    NOT NULL,
    phone_user TEXT    NOT NULL,
    position   BIGINT  NOT NULL,
    contact    TEXT    NOT NULL,
    instance   TEXT,
    reg_id     BIGINT,
    path       TEXT    NOT NULL,
    q          BIGINT  NOT NULL,
    local      TEXT    NOT NULL,
    transport  TEXT    NOT NULL,
    remote     TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    cseq       BIGINT  NOT NULL,
    renewed    BIGINT  NOT NULL,
    expires    BIGINT  NOT NULL,
    PRIMARY KEY (tenant, phone_user, position),
    FOREIGN KEY (tenant, phone_user) REFERENCES phone (tenant, phone_user) ON DELETE CASCADE
);

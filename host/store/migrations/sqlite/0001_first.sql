-- Ids and other texts TEXT, times BIGINT milliseconds of the Unix epoch, lists JSON as TEXT.

CREATE TABLE tenant (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL,
    domain         TEXT    NOT NULL,
    default_plugin TEXT    NOT NULL,
    fault_policy   TEXT    NOT NULL,
    created        BIGINT  NOT NULL
);
CREATE INDEX tenant_by_domain ON tenant (domain);

-- tenant NULL: a key of the platform team.
CREATE TABLE api_key (
    id         TEXT    NOT NULL PRIMARY KEY,
    tenant     TEXT    REFERENCES tenant (id),
    scope      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    phone_user TEXT,
    hash       TEXT    NOT NULL UNIQUE,
    created    BIGINT  NOT NULL
);
CREATE INDEX api_key_by_tenant ON api_key (tenant, id);

CREATE TABLE number (
    id      TEXT    NOT NULL PRIMARY KEY,
    tenant  TEXT    NOT NULL REFERENCES tenant (id),
    number  TEXT    NOT NULL,
    plugin  TEXT    NOT NULL,
    created BIGINT  NOT NULL,
    UNIQUE (tenant, number)
);
CREATE INDEX number_by_number ON number (number);

CREATE TABLE trunk (
    id             TEXT    NOT NULL PRIMARY KEY,
    tenant         TEXT    NOT NULL REFERENCES tenant (id),
    name           TEXT    NOT NULL,
    address        TEXT    NOT NULL,
    accept_from    TEXT    NOT NULL,
    trust_identity BOOLEAN NOT NULL,
    prefixes       TEXT    NOT NULL,
    created        BIGINT  NOT NULL,
    UNIQUE (tenant, name)
);

-- address: unique among all tenants, because it alone tells whose call it is.
CREATE TABLE phone (
    id         TEXT    NOT NULL PRIMARY KEY,
    tenant     TEXT    NOT NULL REFERENCES tenant (id),
    phone_user TEXT    NOT NULL,
    address    TEXT    UNIQUE,
    ha1_md5    TEXT,
    ha1_sha256 TEXT,
    created    BIGINT  NOT NULL,
    UNIQUE (tenant, phone_user)
);

-- The bytes of a component, once for all tenants that uploaded the same.
CREATE TABLE component (
    digest TEXT    NOT NULL PRIMARY KEY,
    bytes  BLOB    NOT NULL
);

CREATE TABLE plugin (
    tenant   TEXT    NOT NULL REFERENCES tenant (id),
    name     TEXT    NOT NULL,
    versions BIGINT  NOT NULL,
    active   BIGINT,
    previous BIGINT,
    percent  BIGINT  NOT NULL,
    revision BIGINT  NOT NULL,
    log_seq  BIGINT  NOT NULL,
    created  BIGINT  NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE plugin_version (
    tenant   TEXT    NOT NULL,
    plugin   TEXT    NOT NULL,
    version  BIGINT  NOT NULL,
    digest   TEXT    NOT NULL REFERENCES component (digest),
    size     BIGINT  NOT NULL,
    imports  TEXT    NOT NULL,
    exports  TEXT    NOT NULL,
    built_in BOOLEAN NOT NULL,
    created  BIGINT  NOT NULL,
    PRIMARY KEY (tenant, plugin, version),
    FOREIGN KEY (tenant, plugin) REFERENCES plugin (tenant, name)
);

CREATE TABLE plugin_setting (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (tenant, plugin, name),
    FOREIGN KEY (tenant, plugin) REFERENCES plugin (tenant, name)
);

CREATE TABLE plugin_log (
    tenant     TEXT    NOT NULL,
    plugin     TEXT    NOT NULL,
    seq        BIGINT  NOT NULL,
    version    BIGINT  NOT NULL,
    session_id TEXT,
    at         BIGINT  NOT NULL,
    level      TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    PRIMARY KEY (tenant, plugin, seq),
    FOREIGN KEY (tenant, plugin) REFERENCES plugin (tenant, name)
);

-- The policies' key-value store. One number per commit and tenant, so that a key that is made anew
-- never has a version that somebody has seen.
CREATE TABLE kv_counter (
    tenant TEXT   NOT NULL PRIMARY KEY,
    value  BIGINT NOT NULL
);
CREATE TABLE kv (
    tenant  TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    value   BLOB   NOT NULL,
    version BIGINT NOT NULL,
    expires BIGINT,
    PRIMARY KEY (tenant, name)
);
CREATE INDEX kv_by_expiry ON kv (expires) WHERE expires IS NOT NULL;

CREATE TABLE cdr (
    call_id          TEXT   NOT NULL PRIMARY KEY,
    tenant           TEXT   NOT NULL,
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
    host_calls       BIGINT NOT NULL
);
CREATE INDEX cdr_by_tenant ON cdr (tenant, call_id);
CREATE INDEX cdr_by_session ON cdr (tenant, session_id);
CREATE INDEX cdr_by_user_data ON cdr (tenant, user_data);
CREATE INDEX cdr_open ON cdr (call_id) WHERE end_reason IS NULL;

CREATE TABLE trace (
    session_id TEXT   NOT NULL PRIMARY KEY,
    tenant     TEXT   NOT NULL,
    begin_time BIGINT NOT NULL,
    body       TEXT   NOT NULL
);
CREATE TABLE trace_call (
    call_id    TEXT NOT NULL PRIMARY KEY,
    tenant     TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES trace (session_id)
);

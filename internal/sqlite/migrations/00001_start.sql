-- +goose Up
-- Documents are JSON, sealed by the vault; columns beside them are what queries look for.
CREATE TABLE service (
    id         TEXT PRIMARY KEY,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    subdomain  TEXT NOT NULL UNIQUE,
    status     TEXT NOT NULL,
    created_at INTEGER NOT NULL, -- Unix milliseconds, as everywhere
    document   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX service_name ON service (region, name) WHERE status <> 'DELETED';

CREATE TABLE operation (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT, -- the order they began in
    id         TEXT NOT NULL UNIQUE,
    service_id TEXT NOT NULL REFERENCES service (id) ON DELETE CASCADE,
    ended      INTEGER NOT NULL,
    document   BLOB NOT NULL
) STRICT;
-- One operation per service at a time.
CREATE UNIQUE INDEX operation_running ON operation (service_id) WHERE ended = 0;
CREATE INDEX operation_service ON operation (service_id, sequence);

CREATE TABLE revision (
    id         TEXT PRIMARY KEY,
    service_id TEXT NOT NULL REFERENCES service (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    document   BLOB NOT NULL,
    UNIQUE (service_id, number)
) STRICT;

CREATE TABLE scaling (
    arn      TEXT PRIMARY KEY,
    region   TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE INDEX scaling_region ON scaling (region);

CREATE TABLE tag (
    arn   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE registry_login (
    host     TEXT PRIMARY KEY,
    document BLOB NOT NULL
) STRICT;

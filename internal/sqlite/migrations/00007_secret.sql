-- +goose Up
-- Secrets of Secrets Manager and parameters of the Parameter Store, and apart from them their values.
CREATE TABLE secret (
    kind     TEXT NOT NULL, -- secret or parameter
    region   TEXT NOT NULL,
    name     TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (kind, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE secret_value (
    kind     TEXT NOT NULL,
    region   TEXT NOT NULL,
    name     TEXT NOT NULL,
    version  TEXT NOT NULL,
    kms_key  TEXT NOT NULL, -- that the document is sealed with
    document BLOB NOT NULL,
    PRIMARY KEY (kind, region, name, version),
    FOREIGN KEY (kind, region, name) REFERENCES secret (kind, region, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- +goose Up
-- The settings of repositories. The images themselves are in the registry.
CREATE TABLE repository (
    region   TEXT NOT NULL,
    name     TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (region, name)
) STRICT, WITHOUT ROWID;

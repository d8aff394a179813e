-- +goose Up
CREATE TABLE access_key (
    id       TEXT PRIMARY KEY,
    document BLOB NOT NULL
) STRICT;

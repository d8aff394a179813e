-- +goose Up
-- A name belongs to one service of this Slipway, whatever its Region.
CREATE TABLE domain (
    name       TEXT PRIMARY KEY,
    service_id TEXT NOT NULL REFERENCES service (id) ON DELETE CASCADE,
    document   BLOB NOT NULL
) STRICT;
CREATE INDEX domain_service ON domain (service_id);

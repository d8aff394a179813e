-- +goose Up
-- Connections, observability configurations, VPC connectors and VPC ingress connections: few and
-- small, so that one table does for all.
CREATE TABLE resource (
    arn        TEXT PRIMARY KEY,
    region     TEXT NOT NULL,
    kind       TEXT NOT NULL,    -- as in the ARN
    deleted_at INTEGER NOT NULL, -- Unix milliseconds; 0 while it lives
    document   BLOB NOT NULL
) STRICT;
CREATE INDEX resource_region ON resource (region, kind);

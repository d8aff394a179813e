-- +goose Up
-- What happened, written with the change that it tells of. Events outlive their services.
CREATE TABLE event (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT, -- the order they happened in
    id         TEXT NOT NULL UNIQUE,
    service_id TEXT NOT NULL,
    at         INTEGER NOT NULL,
    document   BLOB NOT NULL
) STRICT;
CREATE INDEX event_service ON event (service_id, sequence);

-- Events that are still to be delivered to a target.
CREATE TABLE delivery (
    target     TEXT NOT NULL,
    service_id TEXT NOT NULL,
    sequence   INTEGER NOT NULL REFERENCES event (sequence) ON DELETE CASCADE,
    attempts   INTEGER NOT NULL, -- that failed
    due        INTEGER NOT NULL, -- when the next one may be made
    PRIMARY KEY (target, service_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_event ON delivery (sequence);

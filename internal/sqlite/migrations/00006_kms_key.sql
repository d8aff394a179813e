-- +goose Up
-- What the documents of a service are sealed with, those of its operations, revisions and domains too:
-- the key that stands for this KMS key, or with '' the one for everything. A service keeps it.
ALTER TABLE service ADD COLUMN kms_key TEXT NOT NULL DEFAULT '';

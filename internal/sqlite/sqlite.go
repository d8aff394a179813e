// Package sqlite stores what Slipway must remember in one SQLite file. It is the only place with
// SQL.
//
// Writers decide inside their transaction: a method reads the present state, hands it to a pure
// function of the domain, and writes what that returns. There is one writing connection, and its
// transactions begin immediately: deferred ones fail when two of them first read and then write.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

// Vault encrypts documents, with the key that stands for a KMS key, or with "" the one for everything.
// When a key is lost, its errors tell so by a method LostKey.
type Vault interface {
	Make(kmsKey string) error
	Seal(plain []byte, name, kmsKey string) ([]byte, error)
	Open(sealed []byte, name, kmsKey string) ([]byte, error)
}

// Store is the database of one Slipway.
type Store struct {
	uri   string
	write *sql.DB // one connection
	read  *sql.DB
	vault Vault

	listeners Listeners
	told      atomic.Bool // the present transaction has events

	writes  atomic.Int64 // transactions that were committed
	changes broadcast
	listing sync.Map // Region to *listing
}

const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"

// Open opens the database in file, makes it when there is none, and brings its tables up to date.
func Open(ctx context.Context, file string, vault Vault) (*Store, error) {
	uri := "file:" + (&url.URL{Path: file}).EscapedPath() + pragmas // a path may have a '#' or a '?'
	write, err := sql.Open("sqlite", uri+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", file, err)
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("bring database %q up to date: %w", file, err), write.Close())
	}
	read, err := sql.Open("sqlite", uri+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %q: %w", file, err), write.Close())
	}
	return &Store{uri: uri, write: write, read: read, vault: vault}, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Close closes the database.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// Snapshot copies the database, as of one moment, to a file that is not there yet. Writers go on.
func (s *Store) Snapshot(ctx context.Context, file string) error {
	db, err := sql.Open("sqlite", s.uri)
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", file)
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("copy the database to %q: %w", file, err)
	}
	return nil
}

// inTx runs f in a writing transaction.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	s.writes.Add(1)
	if s.told.Swap(false) && s.listeners.Written != nil {
		s.listeners.Written()
	}
	s.changes.tell()
	return nil
}

// querier is what a query needs of a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// seal turns a value into the document stored under name.
func (s *Store) seal(v any, name, kmsKey string) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return s.vault.Seal(plain, name, kmsKey)
}

// find reads the documents that a query selects. The query's four columns are the name under which
// the document was sealed, the document, the KMS key, and the name of the service that it is of. The
// last two are empty for documents of no service.
func find[T any](ctx context.Context, s *Store, q querier, query string, args ...any) ([]T, error) {
	return read[T](ctx, s, q, func(err error) error { return err }, query, args...)
}

// findReadable is find without the documents whose key is lost: it is for what concerns all services,
// so that one that cannot be read stops no other.
func findReadable[T any](ctx context.Context, s *Store, q querier, query string, args ...any) ([]T, error) {
	return read[T](ctx, s, q, func(err error) error {
		if lost(err) {
			return nil
		}
		return err
	}, query, args...)
}

func read[T any](ctx context.Context, s *Store, q querier, tolerate func(error) error, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("query the database: %w", err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var name, kmsKey, service string
		var sealed []byte
		if err := rows.Scan(&name, &sealed, &kmsKey, &service); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		v, err := open[T](s, name, sealed, kmsKey)
		if err == nil {
			all = append(all, v)
		} else if err := tolerate(explain(err, service)); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}

func open[T any](s *Store, name string, sealed []byte, kmsKey string) (v T, err error) {
	plain, err := s.vault.Open(sealed, name, kmsKey)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(plain, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", name, err)
	}
	return v, nil
}

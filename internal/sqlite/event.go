package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Listeners are told of events. Both functions may be nil.
type Listeners struct {
	// Targets returns who an event is to be delivered to. It is asked inside the transaction that writes
	// the event, so it must be quick.
	Targets func(apprunner.Event) []string
	// Written is told that there are new events.
	Written func()
}

// Listen sets who is told of events from now on. It is called before anything is written.
func (s *Store) Listen(l Listeners) { s.listeners = l }

// tell writes an event, and to whom it is to be delivered, with the change that it tells of.
func (s *Store) tell(ctx context.Context, tx *sql.Tx, e apprunner.Event) error {
	document, err := s.seal(e, e.ID, "")
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO event (id, service_id, at, document) VALUES (?, ?, ?, ?)", e.ID, e.ServiceID, e.At.UnixMilli(), document)
	if err != nil {
		return fmt.Errorf("store an event of service %q: %w", e.ServiceName, err)
	}
	s.told.Store(true)
	if s.listeners.Targets == nil {
		return nil
	}
	sequence, err := result.LastInsertId()
	if err != nil {
		return err
	}
	for _, target := range s.listeners.Targets(e) {
		if _, err := tx.ExecContext(ctx, "INSERT INTO delivery (target, service_id, sequence, attempts, due) VALUES (?, ?, ?, 0, 0)", target, e.ServiceID, sequence); err != nil {
			return fmt.Errorf("store the delivery of an event to %q: %w", target, err)
		}
	}
	return nil
}

// tellStatus tells that a service which is stored gets another status.
func (s *Store) tellStatus(ctx context.Context, tx *sql.Tx, v apprunner.Service) error {
	var before apprunner.ServiceStatus
	err := tx.QueryRowContext(ctx, "SELECT status FROM service WHERE id = ?", v.ID).Scan(&before)
	if errors.Is(err, sql.ErrNoRows) || err == nil && before == v.Status {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the status of service %q: %w", v.Name, err)
	}
	return s.tell(ctx, tx, apprunner.StatusChanged(v, before))
}

// tellOperation tells that an operation begins or ends, once of each.
func (s *Store) tellOperation(ctx context.Context, tx *sql.Tx, v apprunner.Service, o apprunner.Operation) error {
	var ended bool
	err := tx.QueryRowContext(ctx, "SELECT ended FROM operation WHERE id = ?", o.ID).Scan(&ended)
	isNew := errors.Is(err, sql.ErrNoRows)
	if err != nil && !isNew {
		return fmt.Errorf("read operation %s: %w", o.ID, err)
	}
	if !isNew && ended == o.Status.Ended() {
		return nil
	}
	return s.tell(ctx, tx, apprunner.OperationChanged(v, o))
}

// Events returns what happened after a sequence number and since a time, oldest first, at most limit
// events. An empty service id stands for all services.
func (s *Store) Events(ctx context.Context, serviceID string, after int64, since time.Time, limit int) ([]apprunner.Delivery, error) {
	return s.deliveries(ctx, `SELECT sequence, 0, id, document FROM event
		WHERE sequence > ?1 AND at >= ?2 AND ?3 IN (service_id, '') ORDER BY sequence LIMIT ?4`, after, since.UnixMilli(), serviceID, limit)
}

// heads are the oldest events of each service that a target still waits for: the only ones that may be
// delivered, as those of a service come in order.
const heads = ` FROM delivery AS d JOIN event USING (sequence) WHERE target = ?1 AND NOT EXISTS (
	SELECT 1 FROM delivery AS older WHERE older.target = ?1 AND older.service_id = d.service_id AND older.sequence < d.sequence)`

// Due returns what may be delivered to a target now, at most one event of each service, and when the next
// attempt is due that is not now: zero when there is none.
func (s *Store) Due(ctx context.Context, target string, now time.Time, limit int) (due []apprunner.Delivery, next time.Time, err error) {
	due, err = s.deliveries(ctx, "SELECT sequence, attempts, event.id, document"+heads+" AND due <= ?2 ORDER BY sequence LIMIT ?3", target, now.UnixMilli(), limit)
	if err != nil {
		return nil, next, err
	}
	var at sql.NullInt64
	if err := s.read.QueryRowContext(ctx, "SELECT MIN(due)"+heads+" AND due > ?2", target, now.UnixMilli()).Scan(&at); err != nil {
		return nil, next, fmt.Errorf("read when deliveries to %q are due: %w", target, err)
	}
	if at.Valid {
		next = time.UnixMilli(at.Int64)
	}
	return due, next, nil
}

func (s *Store) deliveries(ctx context.Context, query string, args ...any) (all []apprunner.Delivery, err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d apprunner.Delivery
		var id string
		var sealed []byte
		if err := rows.Scan(&d.Sequence, &d.Attempts, &id, &sealed); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		if d.Event, err = open[apprunner.Event](s, id, sealed, ""); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

// Delivered tells that a target has an event.
func (s *Store) Delivered(ctx context.Context, target string, d apprunner.Delivery) error {
	return s.change(ctx, "DELETE FROM delivery WHERE target = ? AND service_id = ? AND sequence = ?", target, d.Event.ServiceID, d.Sequence)
}

// Postpone tells that an attempt failed, and when the next one may be made.
func (s *Store) Postpone(ctx context.Context, target string, d apprunner.Delivery, due time.Time) error {
	return s.change(ctx, "UPDATE delivery SET attempts = attempts + 1, due = ? WHERE target = ? AND service_id = ? AND sequence = ?",
		due.UnixMilli(), target, d.Event.ServiceID, d.Sequence)
}

func (s *Store) change(ctx context.Context, statement string, args ...any) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("change the deliveries of events: %w", err)
		}
		return nil
	})
}

// ForgetEvents deletes events from before a time, and the oldest of more than keep. It tells how many each
// target never got.
func (s *Store) ForgetEvents(ctx context.Context, before time.Time, keep int) (lost map[string]int, err error) {
	lost = map[string]int{}
	const old = "(SELECT sequence FROM event WHERE at < ?1 UNION SELECT sequence FROM event WHERE sequence <= (SELECT MAX(sequence) FROM event) - ?2)"
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT target, COUNT(*) FROM delivery WHERE sequence IN "+old+" GROUP BY target", before.UnixMilli(), keep)
		if err != nil {
			return fmt.Errorf("count what is not delivered: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var target string
			var n int
			if err := rows.Scan(&target, &n); err != nil {
				return fmt.Errorf("read a row: %w", err)
			}
			lost[target] = n
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM event WHERE sequence IN "+old, before.UnixMilli(), keep); err != nil {
			return fmt.Errorf("delete old events: %w", err)
		}
		return nil
	})
	return lost, err
}

// KeepTargets forgets what was to be delivered to targets that are none any more.
func (s *Store) KeepTargets(ctx context.Context, names []string) error {
	list, err := jsonList(names)
	if err != nil {
		return err
	}
	return s.change(ctx, "DELETE FROM delivery WHERE target NOT IN (SELECT value FROM json_each(?))", list)
}

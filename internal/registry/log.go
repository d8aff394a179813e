package registry

import (
	"context"
	"io"
	"log/slog"
	"reflect"

	"github.com/sirupsen/logrus"
)

// loggerContext gives the distribution handlers a logger of this registry. They look for it in the
// context under a key that is internal to them, and fall back on the logger of the whole process;
// recognising the key by its type's name keeps the process's logger out of it.
type loggerContext struct {
	context.Context
	entry *logrus.Entry
}

const loggerKey = "dcontext.loggerKey"

func (c loggerContext) Value(key any) any {
	if t := reflect.TypeOf(key); t != nil && t.Kind() == reflect.Struct && t.String() == loggerKey {
		return c.entry
	}
	return c.Context.Value(key)
}

// withLogger returns a context in which the distribution handlers log to log: their warnings and
// errors, at debug level, since a client's mistake is an error to them.
func withLogger(ctx context.Context, log *slog.Logger) context.Context {
	return loggerContext{Context: ctx, entry: newEntry(log)}
}

func newEntry(log *slog.Logger) *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetLevel(logrus.WarnLevel)
	l.AddHook(slogHook{log})
	return logrus.NewEntry(l)
}

// slogHook passes what the handlers log to slog.
type slogHook struct{ log *slog.Logger }

func (h slogHook) Levels() []logrus.Level { return logrus.AllLevels }

func (h slogHook) Fire(e *logrus.Entry) error {
	ctx := context.Background()
	if !h.log.Enabled(ctx, slog.LevelDebug) {
		return nil
	}
	attrs := []slog.Attr{slog.String("detail", e.Message)}
	for _, key := range []string{"vars.name", "vars.reference", "vars.digest", "err.code", "err.detail", "error"} {
		if v, ok := e.Data[key]; ok {
			attrs = append(attrs, slog.Any(key, v))
		}
	}
	h.log.LogAttrs(ctx, slog.LevelDebug, "registry", attrs...)
	return nil
}

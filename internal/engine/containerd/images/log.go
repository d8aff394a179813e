package images

import (
	"context"
	"io"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// newEntry makes containerd's client log to slog, at debug level: what matters comes as an error.
func newEntry(log *slog.Logger) *logrus.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetLevel(logrus.WarnLevel)
	l.AddHook(slogHook{log})
	return logrus.NewEntry(l)
}

type slogHook struct{ log *slog.Logger }

func (h slogHook) Levels() []logrus.Level { return logrus.AllLevels }

func (h slogHook) Fire(e *logrus.Entry) error {
	attrs := []slog.Attr{slog.String("detail", e.Message)}
	if err, ok := e.Data[logrus.ErrorKey]; ok {
		attrs = append(attrs, slog.Any("error", err))
	}
	h.log.LogAttrs(context.Background(), slog.LevelDebug, "containerd client", attrs...)
	return nil
}

package githost

import "net/http"

// API is the state of the HTTP APIs.
type API struct{}

func (a *API) reset() {}

func (h *Host) serveAPI(*http.ServeMux) {}

# make demo: a sample application from nothing to a URL.   make test: every test.
# Both install what is missing first.

SHELL := /bin/bash
BIN := $(CURDIR)/bin
GO ?= go
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/slipway-run/slipway/internal/cli.Version=$(VERSION)
STEP := @$(CURDIR)/scripts/step

# The console needs Node.js. Without it, or with "make build CONSOLE=", Slipway is built without a console.
CONSOLE ?= $(shell $(CURDIR)/scripts/bootstrap console)
TAGS := $(if $(CONSOLE),,-tags noconsole)

.PHONY: demo test build engine bootstrap bootstrap-tests generate check check-web lint unit blackbox conformance screenshots bench clean

demo: build
	@$(BIN)/slipway demo $(DEMO_FLAGS)

test: check check-web unit blackbox conformance

bootstrap:
	@$(CURDIR)/scripts/bootstrap

# What only tests need stays away from who only wants to run Slipway.
bootstrap-tests:
	@$(CURDIR)/scripts/bootstrap tests

build: bootstrap engine $(if $(CONSOLE),web/dist/app/index.html.gz)
	$(STEP) "Building slipway" $(GO) build $(TAGS) -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/slipway ./cmd/slipway
	$(STEP) "Building the sample application" env CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/hello ./examples/hello

# The engine is built from the versions that go.mod names.
CNI := cni/bridge cni/host-local cni/loopback
ENGINE := containerd containerd-shim-runc-v2 runc buildkitd slipway-log slipway-runc $(CNI)
engine: $(ENGINE:%=$(BIN)/engine/%)

$(BIN)/engine/containerd: go.mod | bootstrap
	$(STEP) "Building containerd" $(GO) build -trimpath -ldflags '-s -w' -o $@ github.com/containerd/containerd/v2/cmd/containerd

$(BIN)/engine/containerd-shim-runc-v2: go.mod | bootstrap
	$(STEP) "Building containerd's shim" env CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2

# runc filters system calls only when it is built with libseccomp.
$(BIN)/engine/runc: go.mod | bootstrap
	$(STEP) "Building runc" $(GO) build -trimpath -tags seccomp -ldflags '-s -w' -o $@ github.com/opencontainers/runc

$(BIN)/engine/buildkitd: go.mod | bootstrap
	$(STEP) "Building buildkitd" $(GO) build -trimpath -ldflags '-s -w' -o $@ github.com/moby/buildkit/cmd/buildkitd

# What gives every step of a build a network of its own.
$(BIN)/engine/cni/bridge $(BIN)/engine/cni/loopback: PLUGIN = plugins/main
$(BIN)/engine/cni/host-local: PLUGIN = plugins/ipam
$(CNI:%=$(BIN)/engine/%): go.mod | bootstrap
	$(STEP) "Building $(@F)" env CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ github.com/containernetworking/plugins/$(PLUGIN)/$(@F)

$(BIN)/engine/slipway-log: go.mod $(wildcard cmd/slipway-log/*.go internal/engine/containerd/logfile/*.go) | bootstrap
	$(STEP) "Building slipway-log" env CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ ./cmd/slipway-log

$(BIN)/engine/slipway-runc: go.mod $(wildcard cmd/slipway-runc/*.go) | bootstrap
	$(STEP) "Building slipway-runc" env CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ ./cmd/slipway-runc

# The console, only when its sources changed.
web/dist/app/index.html.gz: $(shell find web/src web/public -type f) $(wildcard web/*.ts web/*.html web/package*.json) | bootstrap
	$(STEP) "Building the console" npm --prefix web run --silent build

generate:
	$(GO) generate ./...
	cd test/conformance && $(GO) test -run TestTable . -update

# The console's types, style and logic.
check-web: bootstrap-tests
	$(STEP) "Checking the types of the console" npm --prefix web run --silent check
	$(STEP) "Linting the console" npm --prefix web run --silent lint
	$(STEP) "Testing the logic of the console" npm --prefix web run --silent test

# What needs no container: formatting, generated code, dependencies, vet.
check: bootstrap-tests
	$(STEP) "Checking formatting" test -z "$$(gofmt -l cmd internal examples test bench web/*.go 2>&1 | tee /dev/stderr)"
	$(STEP) "Checking go.mod" $(GO) mod tidy -diff
	$(STEP) "Checking go.mod of the conformance tests" $(GO) -C test/conformance mod tidy -diff
	$(STEP) "Checking with go vet" $(GO) vet ./...
	$(STEP) "Checking the conformance tests with go vet" $(GO) -C test/conformance vet ./...
	$(STEP) "Checking go.mod of the protocol tests" $(GO) -C test/protocol mod tidy -diff
	$(STEP) "Checking the protocol tests with go vet" $(GO) -C test/protocol vet ./...

# The linter is built once, by its own go.mod and not ours: that takes minutes, so "make test" leaves it out.
GOLANGCI := v2.15.0
LINTER := $(BIN)/tools/golangci-lint-$(GOLANGCI)
$(LINTER):
	$(STEP) "Building golangci-lint $(GOLANGCI)" env GOBIN=$(BIN)/tools $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	@mv $(BIN)/tools/golangci-lint $@

lint: bootstrap $(LINTER)
	$(STEP) "Linting" $(LINTER) run ./...

# Tests of packages; those of the engine run real containers.
unit: bootstrap-tests engine
	$(STEP) "Testing packages" env SLIPWAY_TEST_REQUIRE=1 $(GO) test -race -shuffle=on -timeout 15m ./internal/... ./cmd/...
	$(STEP) "Testing protocols" $(GO) -C test/protocol test -timeout 5m ./...

# Tests of the program as its users meet it.
blackbox: bootstrap-tests build
	$(STEP) "Testing the program" env SLIPWAY_TEST_REQUIRE=1 $(GO) test -timeout 20m -shuffle=on ./test/...

# Tests of the API with the AWS SDKs, in a module of their own: Slipway depends on none of them.
conformance: bootstrap-tests build
	$(STEP) "Testing with the AWS SDKs" env SLIPWAY_TEST_REQUIRE=1 $(GO) -C test/conformance test -timeout 10m ./...

# The pictures of the README, as the tests of the console take them.
screenshots: bootstrap-tests build
	$(STEP) "Taking pictures of the console" env SLIPWAY_TEST_REQUIRE=1 $(GO) test -count=1 -run TestConsole ./test
	@cp $(BIN)/screenshots/dashboard.png $(BIN)/screenshots/failed.png docs/images/

bench: build
	$(GO) test -run '^$$' -bench . -benchtime 10x -timeout 60m ./bench
	@$(GO) run ./bench/report $(BIN)/bench docs/images/bench.svg

clean:
	rm -rf $(BIN)

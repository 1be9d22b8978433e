# Everything that is done with the hotline. `make` alone lists it.

.DEFAULT_GOAL := help
.PHONY: help run call test bench bench-prompts check vet fmt build clean

# Tests: what is tested, and flags such as -run.
PKGS ?= ./...
TESTFLAGS ?= -race
# make call: what its last application should come to, when it is not the success of an order.
CALLFLAGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## bring up Asterisk, Postgres and the hotline, serve until Ctrl-C
	@bin/ivr up

call: build ## call the hotline that runs: make call KEYS="3 1 1 1" FROM=13800000001
	@bin/ivr dialtest call $(CALLFLAGS)

# Compiled on all processors; then a package at a time (-p 1): calls of the one would wait for
# what the other computes.
test: build ## all tests, against a real Asterisk and a real Postgres
	@bin/ivr up --parts --testing --run .run/test -- \
		sh -c "go build $(filter -race,$(TESTFLAGS)) ./... && exec go test -p 1 -timeout 20m $(TESTFLAGS) $(PKGS)"

bench: build ## compare with a native dialplan: calls a second, time from key to prompt
	@bin/ivr up --parts --run .run/bench -- bin/ivr bench

bench-prompts: build ## how long it takes to make the audio of a thousand prompts
	@bin/ivr prompts bench

check: build vet ## check the menus, the prompts and the code
	@bin/ivr check

vet: ## what go vet and gofmt find
	@go vet ./...
	@files="$$(gofmt -l cmd internal)"; test -z "$$files" || { echo "not formatted (make fmt):" $$files >&2; exit 1; }

fmt: ## format the code
	@gofmt -w cmd internal

build: ## bin/ivr
	@go build -o bin/ivr ./cmd/ivr

clean: build ## remove what these made: .run with all data, bin, the fetched Asterisk
	@bin/ivr clean
	@rm -rf bin

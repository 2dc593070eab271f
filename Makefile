# Everything that people and CI run. The first target is the list.
.PHONY: help deps cyrus web build demo run test test-full journeys matrix guards hostile corpus bench lint openapi clean

CARGO ?= cargo
PORT ?= 8080
BINARIES := target/debug

help:
	@echo "make demo       the whole product on this machine, with sample people and mail"
	@echo "make run        Waxseal for real use: SQLite in one data folder"
	@echo "make test       the tests that CI runs; installs what they need"
	@echo "make test-full  all tests, the long ones included"
	@echo "make journeys   the journeys alone, in Chromium; pictures go to screenshots/"
	@echo "make matrix     every operation x every kind of viewer, and the canary"
	@echo "make guards     the matrix again, with each guard switched off once"
	@echo "make hostile    what hostile servers, senders and messages do; DIR=folder of lists (default: our own)"
	@echo "make corpus     every message of DIR through IMAP, store, export and page"
	@echo "make bench      every figure of speed, beside others; release build; PARTS=... for some (scripts/bench)"
	@echo "make lint       formatting, clippy, dependencies, types, eslint"

# Debian packages of the test servers. Asks before apt; starts none of their services.
deps:
	@scripts/install-packages.sh

# A second real IMAP server, for the tests alone.
cyrus: deps
	@scripts/unpack-cyrus.sh

web/node_modules: web/package.json web/package-lock.json
	cd web && npm ci --no-progress
	@touch web/node_modules

web: web/node_modules
	cd web && npm run build

build: web
	$(CARGO) build --workspace

demo: deps build
	@$(BINARIES)/demo $(BINARIES)/waxseal --port $(PORT)

run: web
	$(CARGO) build --package waxseal
	@$(BINARIES)/waxseal serve $(ARGS)

test: cyrus build
	$(CARGO) test --workspace
	cd web && npm run journeys

test-full: cyrus build
	@CARGO=$(CARGO) scripts/test-full.sh

journeys: deps build
	cd web && npm run journeys

matrix:
	$(CARGO) test --quiet --package api --test matrix

# Each guard of privacy switched off once: the matrix has to turn red.
guards:
	scripts/guards.py

hostile: deps web/node_modules
	$(if $(DIR),HOSTILE=$(abspath $(DIR))) CARGO=$(CARGO) scripts/hostile.sh

corpus: deps
	@test -n "$(DIR)" || { echo "make corpus DIR=folder"; exit 2; }
	CORPUS=$(abspath $(DIR)) $(CARGO) test --quiet --package engine --test corpus

bench: web
	@scripts/install-packages.sh isync
	$(CARGO) build --release --package waxseal --package testkit --bins
	$(CARGO) build --release --package engine --package service --examples
	python3 scripts/bench $(PARTS)
	target/release/examples/pairing_time

lint: web/node_modules
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check bans licenses sources
	cd web && npm run lint

openapi:
	$(CARGO) run --quiet --package waxseal -- openapi > docs/openapi.json

clean:
	$(CARGO) clean
	rm -rf web/dist web/node_modules screenshots

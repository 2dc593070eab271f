# Everything that people and CI run. The first target is the list.
.PHONY: help deps cyrus web build demo run test test-full journeys matrix guards hostile corpus views bench soak lint openapi deb deb-test dist release clean

CARGO ?= cargo
PORT ?= 8080
MINUTES ?= 60
ACCOUNTS ?= 2000
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
	@echo "make views      what is shown of each message of DIR, beside its expected.json (default: our own)"
	@echo "make bench      every figure of speed, beside others; release build; PARTS=... for some (scripts/bench)"
	@echo "make soak       many accounts under load, faults and kills; release build; MINUTES=60 ACCOUNTS=2000"
	@echo "make deb        a Debian package in target/package"
	@echo "make deb-test   the package on a clean Debian: install, set up, restart, back up, purge, restore; takes root"
	@echo "make dist       binary, manual and settings as a tarball, with checksums and a list of what is in it (SBOM)"
	@echo "make lint       formatting, clippy, dependencies, types, eslint"

# Debian packages of the test servers, and the one of them that is of npm. Asks before apt; starts none of their services.
deps: crates/testkit/authority/node_modules
	@scripts/install-packages.sh

crates/testkit/authority/node_modules: crates/testkit/authority/package.json crates/testkit/authority/package-lock.json
	cd crates/testkit/authority && npm ci --no-progress
	@touch crates/testkit/authority/node_modules

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
	cd web && FULL=1 npm run journeys

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

views:
	$(if $(DIR),VIEWS=$(abspath $(DIR))) $(CARGO) test --quiet --package mime --test views

bench: web
	@scripts/install-packages.sh isync
	$(CARGO) build --release --package waxseal --package testkit --bins
	$(CARGO) build --release --package engine --package service --examples
	python3 scripts/bench $(PARTS)
	target/release/examples/pairing_time

soak: web
	$(CARGO) build --release --workspace --bins --examples
	python3 scripts/soak $(MINUTES) $(ACCOUNTS)

lint: web/node_modules
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked --debug cargo-deny
	$(CARGO) deny check bans licenses sources
	scripts/guards.py --where
	cd web && npm run lint

openapi:
	$(CARGO) run --quiet --package waxseal -- openapi > docs/openapi.json

# MAINTAINER="Name <address>": who looks after the package.
deb: release
	@command -v cargo-deb >/dev/null || $(CARGO) install --locked cargo-deb
	rm -f target/package/*.deb
	$(CARGO) deb --no-build --package waxseal --output target/package/ $(if $(MAINTAINER),--maintainer "$(MAINTAINER)")

deb-test: deb
	scripts/deb-test.sh target/package/waxseal_*.deb

dist: release
	@command -v cargo-cyclonedx >/dev/null || $(CARGO) install --locked cargo-cyclonedx
	scripts/dist.sh

release: web
	$(CARGO) build --release --package waxseal
	scripts/package-files.sh target/release/waxseal

clean:
	$(CARGO) clean
	rm -rf web/dist web/node_modules screenshots

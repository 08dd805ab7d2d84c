# Names for the commands of this repository. CI calls the same ones (.ci/run).
# Needs: make, a C compiler (for linking), rustup with the stable toolchain, Python 3.11 or newer with venv (`lint`,
# `test`). `make setup` adds the rest.

DENY_VERSION := 0.20.2
TOOLS        := target/tools
DENY         := $(TOOLS)/deny-$(DENY_VERSION)/bin/cargo-deny
FUZZ_VERSION := 0.13.2
FUZZ         := $(TOOLS)/fuzz-$(FUZZ_VERSION)/bin/cargo-fuzz
TARGET       := wire
SECONDS      := 60
PYTHON       := $(abspath $(TOOLS)/python/bin/python)
PYTHON_READY := $(TOOLS)/python/ready
# Each is checked by itself: they are apps, and most have a `main`.
PYTHON_APPS  := apps/fastapi-todo apps/starlette-hello $(wildcard benches/python/*/) \
                tests/python/behaviours tests/python/wide_fastapi tests/python/wide_starlette

.PHONY: help setup serve test test-apps asyncio lint lint-python fmt conformance fuzz bench audit ci

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Add the guest target, clippy and rustfmt to the Rust toolchain
	@command -v rustup >/dev/null 2>&1 || { \
	  echo "error: rustup is not on this machine" >&2; \
	  echo "hint: install it from https://rustup.rs, then run 'make setup' again" >&2; \
	  exit 1; }
	rustup target add wasm32-wasip2
	rustup component add clippy rustfmt

serve: setup ## Build wasgi, compile apps/hello and serve it on http://127.0.0.1:8000
	cargo run --release --locked --package wasgi -- serve apps/hello

test: setup test-apps ## Run every test
	cargo test --workspace --locked

asyncio: ## Run CPython's asyncio tests in an instance; TESTS=FOLDER, see docs/python-asyncio.md
	cargo build --release --locked --package wasgi
	python3 tests/python/asyncio/run.py "$(TESTS)" --wasgi $${CARGO_TARGET_DIR:-target}/release/wasgi

test-apps: $(PYTHON_READY)
	set -e; for app in apps/fastapi-todo apps/starlette-hello; do \
	  (cd $$app && $(PYTHON) -B -m pytest --quiet -p no:cacheprovider); \
	done

lint: setup lint-python ## Format, clippy, rustdoc, ruff and mypy, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --package wasgi-sdk --package hello --package api --package chat --target wasm32-wasip2 --locked -- -D warnings
	PYO3_CONFIG_FILE="$$(cd $${CARGO_TARGET_DIR:-target} && pwd)/python/stubs/pyo3-config.txt" \
	  cargo clippy --package wasgi-python --target wasm32-wasip2 --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --package wasgi --package wasgi-sdk --package wasgi-sdk-core --features wasgi-sdk/axum --locked

lint-python: $(PYTHON_READY)
	$(PYTHON) -m ruff check --quiet --cache-dir $(TOOLS)/ruff .
	$(PYTHON) -m ruff format --quiet --check --cache-dir $(TOOLS)/ruff .
	cd guest-sdk/python && $(PYTHON) -m mypy --cache-dir $(abspath $(TOOLS))/mypy
	set -e; for app in $(PYTHON_APPS); do \
	  (cd $$app && $(PYTHON) -m mypy --strict --python-version 3.14 --no-error-summary --cache-dir $(abspath $(TOOLS))/mypy .); \
	done

fmt: setup $(PYTHON_READY) ## Format the code
	cargo fmt --all
	$(PYTHON) -m ruff format --quiet --cache-dir $(TOOLS)/ruff .

conformance: setup ## Write docs/conformance.md anew from the contract's lines and the tests
	WASGI_UPDATE_CONFORMANCE=1 cargo test --locked --package wasgi-tests --test it conformance::

# Without a sanitizer libFuzzer needs nothing that the stable compiler has not.
fuzz: setup $(FUZZ) ## Feed the host what nobody would send; TARGET=wire|hyper|proxy|frames|call|batch, SECONDS=60
	mkdir -p tests/fuzz/corpus/$(TARGET)
	PATH="$(abspath $(dir $(FUZZ))):$$PATH" cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $(TARGET) \
	  tests/fuzz/corpus/$(TARGET) tests/fuzz/seeds/$(TARGET) -- -max_total_time=$(SECONDS) -max_len=4096 -timeout=10

bench: setup ## Measure speed and memory beside bare hyper; ARGS="--quick" for a short run
	cargo build --release --locked --package wasgi --package wasgi-bench
	$${CARGO_TARGET_DIR:-target}/release/wasgi-bench $(ARGS)

audit: $(DENY) ## Licences, sources, bans; known vulnerabilities where their database can be fetched
	.ci/audit $(DENY)

$(DENY):
	cargo install --locked cargo-deny --version $(DENY_VERSION) --root $(TOOLS)/deny-$(DENY_VERSION)

$(FUZZ):
	cargo install --locked cargo-fuzz --version $(FUZZ_VERSION) --root $(TOOLS)/fuzz-$(FUZZ_VERSION)

# A venv of its own, made anew when a pin changes.
$(PYTHON_READY): guest-sdk/python/requirements-dev.txt
	@python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: there is no python3 on this machine that is 3.11 or newer and has venv" >&2; \
	  echo "hint: install one, on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	  exit 1; }
	rm -rf $(TOOLS)/python
	python3 -m venv $(TOOLS)/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

ci: lint audit test ## What CI runs

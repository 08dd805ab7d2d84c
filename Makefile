# Names for the commands of this repository. CI calls the same ones (.ci/run).
# Needs: make, a C compiler (for linking), rustup with the stable toolchain. `make setup` adds the rest.

DENY_VERSION := 0.20.2
TOOLS        := target/tools
DENY         := $(TOOLS)/deny-$(DENY_VERSION)/bin/cargo-deny

.PHONY: help setup serve test lint fmt audit ci

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Add the guest target, clippy and rustfmt to the Rust toolchain
	@command -v rustup >/dev/null 2>&1 || { \
	  echo "error: rustup is not on this machine" >&2; \
	  echo "hint: install it from https://rustup.rs, then run 'make setup' again" >&2; \
	  exit 1; }
	rustup target add wasm32-wasip2
	rustup component add clippy rustfmt

serve: setup ## Build wasgi, compile apps/hello and serve it on http://127.0.0.1:8000
	cargo run --release --locked --package wasgi -- serve apps/hello

test: setup ## Run every test
	cargo test --workspace --locked

lint: setup ## Format, clippy and rustdoc, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --package wasgi-sdk --package hello --package api --target wasm32-wasip2 --locked -- -D warnings
	PYO3_CONFIG_FILE="$$(cd $${CARGO_TARGET_DIR:-target} && pwd)/python/stubs/pyo3-config.txt" \
	  cargo clippy --package wasgi-python --target wasm32-wasip2 --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --package wasgi --package wasgi-sdk --locked

fmt: setup ## Format the code
	cargo fmt --all

bench: setup ## Measure speed and memory beside bare hyper; ARGS="--quick" for a short run
	cargo build --release --locked --package wasgi --package wasgi-bench
	$${CARGO_TARGET_DIR:-target}/release/wasgi-bench $(ARGS)

audit: $(DENY) ## Licences, sources, bans; known vulnerabilities where their database can be fetched
	.ci/audit $(DENY)

$(DENY):
	cargo install --locked cargo-deny --version $(DENY_VERSION) --root $(TOOLS)/deny-$(DENY_VERSION)

ci: lint audit test ## What CI runs

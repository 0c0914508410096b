# `make check` is what CI runs. Each stage can be run alone.

UNIT := systemd/omc.service

.PHONY: check test fmt clippy slim doc deny verify

check: test fmt clippy slim doc deny verify
	@echo "== all is well"

test:
	@echo "== test: the command of the README"
	cargo test

fmt:
	@echo "== fmt"
	cargo fmt --check

clippy:
	@echo "== clippy"
	cargo clippy --all-targets -- -D warnings

# As packages are built: without the simulators.
slim:
	@echo "== slim: without default features"
	cargo clippy --no-default-features -- -D warnings

doc:
	@echo "== doc"
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Bans, licences and sources; all from what is on the machine. For advisories: cargo deny check advisories
deny:
	@echo "== deny"
	cargo deny --all-features check bans licenses sources

# Where there is no systemd, there is nothing to verify with. Unknown keys are no error to it, only said: silence is its
# verdict. The threshold is an exposure of 2.0.
verify:
	@echo "== verify: $(UNIT)"
	@if ! command -v systemd-analyze > /dev/null; then \
		echo "no systemd-analyze here; left out"; \
	else \
		folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; unit="$$folder/omc.service"; \
		sed 's#^ExecStart=/usr/bin/omc #ExecStart=/bin/true #' $(UNIT) > "$$unit"; \
		if ! told=$$(systemd-analyze verify --man=no "$$unit" 2>&1) || [ -n "$$told" ]; then \
			echo "$$told"; exit 1; \
		fi; \
		if ! told=$$(systemd-analyze security --offline=true --no-pager --threshold=20 "$$unit" 2>&1); then \
			echo "$$told"; exit 1; \
		fi; \
		echo "$$told" | tail -1; \
	fi

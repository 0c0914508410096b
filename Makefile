# `make check` is what CI runs. Each stage can be run alone.

UNIT := systemd/omc.service

.PHONY: check test fmt clippy slim doc deny sbom addon verify

check: test fmt clippy slim doc deny sbom addon verify
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

# Everything that the release is built from, with versions, licences and hashes: CycloneDX JSON, for whoever must know what runs
# in his data centre. Needs cargo-cyclonedx, in the version that .ci/run names.
SBOM := target/sbom/omc.cdx.json
TARGET := $(shell rustc -vV | sed -n 's/^host: //p')

sbom:
	@echo "== sbom: $(SBOM)"
	mkdir -p $(dir $(SBOM))
	cargo cyclonedx --quiet --format json --spec-version 1.5 --no-default-features --target $(TARGET) --override-filename omc.cdx
	sed 's#file://$(CURDIR)#file://.#g' omc.cdx.json > $(SBOM)
	rm omc.cdx.json
	python3 .ci/sbom.py $(SBOM) $(TARGET)

LINT := $(CURDIR)/target/lint

# The Odoo addon, without Odoo, and the trial's script: style, what pylint-odoo knows, and whether its XML can be read.
addon: $(LINT)/.made
	@echo "== addon"
	cd odoo_addon && $(LINT)/bin/ruff check . ../compose && $(LINT)/bin/ruff format --check . ../compose
	cd odoo_addon && $(LINT)/bin/pylint --rcfile=.pylintrc --disable=consider-merging-classes-inherited g2p_omc
	cd odoo_addon && find g2p_omc \( -name '*.xml' -o -name '*.svg' \) -print0 | xargs -0 $(LINT)/bin/python -c \
		'import sys, xml.dom.minidom as xml; [xml.parse(name) for name in sys.argv[1:]]'

$(LINT)/.made: odoo_addon/lint.txt
	rm -rf $(LINT)
	python3 -m venv $(LINT)
	$(LINT)/bin/pip install --quiet --disable-pip-version-check --requirement odoo_addon/lint.txt
	touch $@

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

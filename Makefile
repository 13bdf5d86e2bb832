.DEFAULT_GOAL := help
.PHONY: help static rolling image-test clients clients-check gallery bench bench-smoke bench-pages faults properties setup catalogues demo check test test-all lint check-types unit unit-quick browser journeys end-to-end cross-site test-webkit webkit-if-possible fault-sample contract messages sbom audit audit-security lock clean

# If it is set, every start of a server, a command and a test worker compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help: ## list every target in a line each
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Each stamp is newer than the pins that were installed, so that a second run starts at once.
$(VENV)/.portal: requirements/build.txt pyproject.toml portal/build.py | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.portal
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Node comes with the development tools from PyPI, so npm needs nothing of this machine.
define install-npm
	@mkdir -p $(VENV)/$(1) && cp $(2)/package.json $(2)/package-lock.json $(VENV)/$(1)
	$(BIN)/npm ci --prefix $(VENV)/$(1) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
endef

$(VENV)/.page_checker: e2e/page_checker/package-lock.json $(VENV)/.dev
	$(call install-npm,page_checker,e2e/page_checker)

$(VENV)/.lighthouse: e2e/lighthouse/package-lock.json $(VENV)/.dev
	$(call install-npm,lighthouse,e2e/lighthouse)

setup: $(VENV)/.portal catalogues ## a virtual environment with everything pinned; .venv/bin/portal works afterwards

catalogues: $(VENV)/.portal
	@$(BIN)/python portal/build.py

demo: setup ## mock gu1, portal and links to try, on this machine; Ctrl-C stops all
	@$(BIN)/python -m e2e.demo

check: static unit-quick ## style, types, imports, and the unit tests that need neither PostgreSQL nor half a second: a minute and a half

test: static unit end-to-end ## everything that CI runs, on SQLite and PostgreSQL, in browsers

test-all: MARKED :=
test-all: EXAMPLES := usual
test-all: test properties webkit-if-possible bench-smoke ## the same and what takes long: every page in every language, generated answers by the thousand, WebKitGTK, instructions per answer

# At the same time, because each of them uses one core only.
static: $(VENV)/.dev catalogues
	@$(MAKE) --no-print-directory --jobs 3 lint check-types $(VENV)/.bytecode

# Compiled once, so that the test workers need not all do it.
$(VENV)/.bytecode: $(VENV)/.dev
	@$(BIN)/pytest tests e2e --collect-only -qq -p no:schemathesis > /dev/null || true
	@touch $@

lint: $(VENV)/.dev catalogues
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --check --lint --quiet templates e2e
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture

check-types: $(VENV)/.dev
	$(BIN)/mypy portal e2e/mock_gu1

# These judge by time, so they run after the journeys and not beside them.
SAMPLES := e2e/test_faults.py e2e/test_kills.py e2e/test_outages.py
PARALLEL := --dist worksteal --numprocesses
MARKED := -m "not slow"

EXAMPLES := quick

# One more than two cores, because some tests wait.
UNIT := HYPOTHESIS_PROFILE=$(EXAMPLES) $(BIN)/pytest tests $(PARALLEL) 3 -p no:schemathesis

unit: $(VENV)/.dev catalogues ## unit tests, on both databases; make test-all adds the slow ones
	$(UNIT) $(MARKED)

unit-quick: $(VENV)/.dev catalogues ## the unit tests that need neither PostgreSQL nor half a second
	$(UNIT) -m "not postgresql and not long and not slow" -p no:playwright

browser: $(VENV)/.dev
	@$(BIN)/python -m e2e.browser chromium firefox

properties: $(VENV)/.dev ## ten thousand generated answers and webhooks of gu1, numbers and names instead of the few hundred of make test
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest tests/gu1 -k any_
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest tests/web/test_look_alikes.py

# Groups, so that tests of the same servers run on the same worker.
journeys: $(VENV)/.dev $(VENV)/.page_checker catalogues browser
	$(BIN)/pytest e2e $(SAMPLES:%=--ignore=%) --dist loadgroup --numprocesses 4 $(MARKED) $(UNUSED) $(ARTEFACTS)
# Nothing here is generated, and the plugins' imports would hold the workers up.
UNUSED := -p no:hypothesispytest -p no:schemathesis
CROSS_SITE := e2e/test_cross_site.py
WEBKIT := $(CROSS_SITE) e2e/test_webkit_network.py
# Without traces, which take a tenth of the time.
ARTEFACTS := --screenshot only-on-failure --full-page-screenshot --output test-results

# Side by side, because both wait much. Not in one run: browsers leave an event loop in the process that tests with them.
end-to-end: $(VENV)/.dev $(VENV)/.page_checker
	@$(MAKE) --no-print-directory --jobs 2 MARKED='$(MARKED)' journeys fault-sample

# A part of journeys, for whoever works on it.
cross-site: $(VENV)/.dev catalogues browser ## partner, portal and provider on sites of their own, in Chromium and Firefox
	$(BIN)/pytest $(CROSS_SITE) --dist loadgroup --numprocesses 2 $(UNUSED)

$(VENV)/.webkit: requirements/webkit.txt $(VENV)/.dev
	$(PIP) install --require-hashes -r requirements/webkit.txt
	@touch $@

test-webkit: $(VENV)/.webkit catalogues ## the same in WebKitGTK, and bad networks; it needs a display: xvfb's, or this one
	@$(BIN)/python -m e2e.browser webkit
	E2E_ENGINES=webkit $$(command -v xvfb-run >/dev/null && echo xvfb-run -a) $(BIN)/pytest $(WEBKIT) $(UNUSED)

webkit-if-possible:
	@if command -v WebKitWebDriver xvfb-run >/dev/null; then $(MAKE) test-webkit; \
	else echo "test-webkit is left out: WebKitWebDriver or xvfb-run is not installed"; fi

fault-sample: $(VENV)/.dev catalogues ## a few of each kind of fault, kill and outage, which the benches try by the thousand
	$(BIN)/pytest $(SAMPLES) $(PARALLEL) 2 $(MARKED)

image-test: $(VENV)/.dev catalogues ## the image, built without an engine and run on a read-only root; needs root, buildah and debootstrap
	$(BIN)/pytest e2e/test_image.py $(UNUSED)

faults: $(VENV)/.dev catalogues ## every fault at every point, a thousand kills, floods, outages: an hour or two; faults.json
	$(BIN)/python -m e2e.bench.faults

rolling: $(VENV)/.dev catalogues ## restarts, rotations, releases and a database away under 50 requests a second: make rolling [ROLLING=--short]; rolling.json
	$(BIN)/python -m e2e.bench.rolling --json rolling.json $(ROLLING)

gallery: $(VENV)/.dev $(VENV)/.page_checker catalogues browser ## every page in every language, size and theme as pictures: gallery/index.html
	$(BIN)/python -m e2e.gallery $(GALLERY)

bench-pages: $(VENV)/.dev $(VENV)/.lighthouse catalogues browser ## Lighthouse's scores, weights and first paint on a slow phone
	$(BIN)/python -m e2e.bench.pages
	$(BIN)/python -m e2e.bench.paint

$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	$(PIP) install --require-hashes -r requirements/bench.txt
	@touch $@

bench: $(VENV)/.bench catalogues ## speed against a bare Flask route and a naive portal, in a quarter of an hour: make bench [BENCH="--part routes"]; bench.json
	$(BIN)/python -m e2e.bench.speed --json bench.json $(BENCH)

bench-smoke: $(VENV)/.dev catalogues ## fails if an answer takes more instructions than was recorded
	$(BIN)/python -m e2e.bench.speed.smoke
	$(BIN)/python -m e2e.bench.validators

sbom: $(BIN)/python ## what the portal is made of, as CycloneDX: sbom.json
	@$(BIN)/python -m e2e.supply_chain sbom > sbom.json && echo sbom.json

$(VENV)/.audit: requirements/audit.txt $(VENV)/.dev
	$(PIP) install --require-hashes -r requirements/audit.txt
	@touch $@

audit: $(VENV)/.audit ## what is known against any pin, where the databases of that can be reached
	@$(BIN)/python -m e2e.supply_chain audit

audit-security: $(VENV)/.dev catalogues browser ## 250,000 requests of an attacker, 5,000 texts that want to be code, 1,000 addresses of gu1; audit-security.json
	$(BIN)/python -m e2e.security_audit $(AUDIT)

contract: $(VENV)/.dev ## what the portal relies on, tried on a real sandbox: make contract GU1_API_KEY=… [GU1_BASE_URL=…]
	@CONTRACT=live $(BIN)/pytest e2e/test_contract.py

# Beside their sources, because Node looks for packages there.
clients/js/node_modules/.made: clients/js/package-lock.json $(VENV)/.dev
	$(BIN)/npm ci --prefix clients/js --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clients: clients/js/node_modules/.made ## build what partners use: the embed script, and the packages for npm and PyPI in dist
	@mkdir -p dist && rm -f dist/*.tgz dist/*.whl  # of other versions
	$(BIN)/python -c 'from portal.web.partner_api.openapi import openapi_json; print(openapi_json("https://verify.example.com"))' > clients/js/openapi.json
	cd clients/js && $(NODE) build.js && PATH=$(dir $(NODE)):$$PATH npm pack --ignore-scripts --silent --pack-destination ../../dist
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir dist clients/python
NODE := $(abspath $(BIN))/node

clients/check/node_modules/.made: clients/check/package-lock.json $(VENV)/.dev
	$(BIN)/npm ci --prefix clients/check --legacy-peer-deps --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Outside of make test: it packs, installs and builds shops as partners do.
clients-check: clients clients/check/node_modules/.made catalogues browser ## the packed and generated clients with React 18 and 19, Vue, Svelte, Express and Python, in Chromium and Firefox
	$(BIN)/npm install --prefix clients/check --no-save --legacy-peer-deps --ignore-scripts --no-audit --no-fund --loglevel=error $(abspath dist)/*.tgz
	cd clients/check && for version in 18 19; do export REACT=$$version; $(NODE) node_modules/typescript/bin/tsc -p tsconfig.react$$version.json && $(NODE) node_modules/vite/bin/vite.js build && $(NODE) node_modules/vite/bin/vite.js build --ssr src/server.jsx || exit; done
	$(PYTHON) -m venv --clear $(VENV)/client && $(VENV)/client/bin/pip install --quiet --require-hashes -r requirements/clients.txt && $(VENV)/client/bin/pip install --quiet dist/*client*.whl
	$(BIN)/python -u -m e2e.check_generated $(abspath $(VENV)/client/bin)
	$(BIN)/python -u -m e2e.check_clients $(abspath $(VENV)/client/bin/python)
	$(BIN)/python -u -m e2e.check_samples $(abspath $(VENV)/client/bin/python)

messages: $(VENV)/.portal ## bring every message catalogue up to date with the source
	$(BIN)/python portal/translations/update.py

lock: ## pin what pyproject.toml allows, with hashes and without index addresses (needs uv)
	uv pip compile pyproject.toml $(LOCK) -o requirements/portal.txt
	uv pip compile pyproject.toml --group build --group demo $(LOCK) -o requirements/build.txt
	uv pip compile pyproject.toml --group build --group demo --group dev $(LOCK) -o requirements/dev.txt
	uv pip compile pyproject.toml --extra opentelemetry --constraints requirements/dev.txt $(LOCK) -o requirements/opentelemetry.txt
	uv pip compile --group pyproject.toml:demo --constraints requirements/dev.txt $(LOCK) -o requirements/demo.txt
	uv pip compile --group pyproject.toml:webkit --constraints requirements/dev.txt $(LOCK) -o requirements/webkit.txt
	uv pip compile --group pyproject.toml:bench --constraints requirements/dev.txt $(LOCK) -o requirements/bench.txt
	uv pip compile --group pyproject.toml:audit --constraints requirements/dev.txt $(LOCK) -o requirements/audit.txt
	uv pip compile --group pyproject.toml:clients --constraints requirements/dev.txt $(LOCK) -o requirements/clients.txt
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"

clean: ## remove what setup, tests and the demo made
	rm -rf $(VENV) clients/js/node_modules clients/check/node_modules clients/check/dist build dist .pytest_cache .mypy_cache .ruff_cache test-results .demo gallery

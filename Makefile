# `make run` and `make test` do their own set-up: they need Python 3.11 or newer, and nothing else.

PORT ?= 8000
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,$(shell \
	command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
# More than cores: half of what a test does is to wait for a clock, a lease or a socket.
WORKERS ?= 3
NODE ?= $(shell command -v node 2>/dev/null)

PIP_INSTALL := .venv/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes
RUN_READY := .venv/installed-requirements
TEST_READY := .venv/installed-requirements-dev

# 100,000 questions or more, as fast as receipts come; one answer of fifty is written to its end.
LONG_DRILL := --seconds 3600 --sends 100000 --tabs 96 --rooms 24 --pace 0 --answers 0.02

.DEFAULT_GOAL := help
.PHONY: help run test lint lock messages soak drill mutants bench readme-media clean

help:
	@echo "make run      start chatlab at http://127.0.0.1:$(PORT)/ (another port: make run PORT=8123)"
	@echo "make test     lint and run every test, on SQLite and on PostgreSQL with Redis; some need Chromium or Chrome"
	@echo "make drill    kill, freeze and restart a whole deployment, and check every promise from outside (3 minutes)"
	@echo "make soak     the property tests with many more examples, and a long drill (more than an hour)"
	@echo "make mutants  take each mechanism out of a copy, and see the tests fail (minutes)"
	@echo "make bench    measure speed as docs/performance.md describes"
	@echo "make readme-media   record the pictures of the README anew; needs Chromium and ffmpeg"
	@echo "make lint     only the linter"
	@echo "make lock     write requirements*.lock anew, after a change of requirements*.txt"
	@echo "make messages bring the texts to be translated into locale/, and compile them; needs GNU gettext"
	@echo "make clean    remove .venv and caches; the data in var/ stays"

run: export PYTHONUNBUFFERED = 1
run: $(RUN_READY)
	@.venv/bin/python manage.py demo --port $(PORT)

# Your own .env is for running: no test may ask a model that costs money.
test soak drill mutants: export ENV_FILE = /dev/null
# Hundreds of processes start: without caches each would compile all that is here.
test soak drill mutants: export PYTHONDONTWRITEBYTECODE =

# One recipe under `set -e`: the first failure ends it, and make with it.
test: $(TEST_READY)
	@set -e; \
	.venv/bin/python -m ruff check .; \
	.venv/bin/python manage.py makemigrations --check --dry-run; \
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal; \
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal --engines=postgres; \
	if [ -n "$(NODE)" ]; then "$(NODE)" --test tests/js/*.test.*js; \
	else echo "JavaScript unit tests skipped: Node.js was not found (https://nodejs.org/)."; fi

# For every system and Python at once; names no registry, so pip asks the one that it is told to.
LOCK := .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: $(TEST_READY)
	@$(LOCK) requirements.txt --output-file requirements.lock
	@$(LOCK) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock

lint: $(TEST_READY)
	@.venv/bin/python -m ruff check .

messages: export ENV_FILE = /dev/null
messages: $(TEST_READY)
	@.venv/bin/python manage.py makemessages --all --add-location file --no-wrap --no-obsolete \
		$(foreach folder,.venv var tests bench tools,--ignore '$(folder)/*')
	@.venv/bin/python manage.py compilemessages --ignore .venv

soak: $(TEST_READY)
	@.venv/bin/python -m pytest -n $(WORKERS) -m soak --hypothesis-profile=soak --timeout=3600
	@.venv/bin/python manage.py drill --faults $(LONG_DRILL)

drill: $(TEST_READY)
	@.venv/bin/python manage.py drill --faults

mutants: $(TEST_READY)
	@.venv/bin/python -m tests.mutants

bench: $(TEST_READY)
	@.venv/bin/python -m bench

readme-media: export ENV_FILE = /dev/null
readme-media: $(TEST_READY)
	@.venv/bin/python -m tools.readme_media

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis var/static
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "chatlab needs Python 3.11 or newer. Name yours: make run PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11. Name another: make run PYTHON=/path/to/python3"; exit 1; }
	@echo "Making .venv ..."
	@"$(PYTHON)" -m venv --clear .venv || { rm -rf .venv; echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(RUN_READY): requirements.lock | .venv/bin/python
	@echo "Installing requirements (once) ..."
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

$(TEST_READY): requirements-dev.lock | .venv/bin/python
	@echo "Installing requirements for tests (once) ..."
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $(RUN_READY) $@

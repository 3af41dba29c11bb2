# Relais: python3 and make are all a machine needs; everything else is installed into .venv by these rules.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test browser gallery check bench docs catalogue format constraints clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## replay one published month of a chamber, in relais-demo/
	$(BIN)/relais demo

test: $(STAMP)  ## every test: unit, integration (SQLite, PostgreSQL, SMTP), acceptance (the command line)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

browser: $(STAMP)  ## what the mails look like, in a Chromium (Debian: apt install chromium)
	$(BIN)/python -m pytest tests/browser

gallery: $(STAMP)  ## draw docs/gallery.png again, in a Chromium
	$(BIN)/python -m tools.build_gallery

check: $(STAMP)  ## lint, types, layers, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/build_docs.py --check
	$(BIN)/python tools/build_catalogue.py --check

docs: $(STAMP)  ## write the generated pages of docs/ again
	$(BIN)/python tools/build_docs.py

catalogue: $(STAMP)  ## bring the French catalogue of the interface in step with the code
	$(BIN)/python tools/build_catalogue.py

bench: $(STAMP)  ## the benchmarks, at a size that takes some minutes
	$(BIN)/python -m benchmarks.throughput --recipients 20000
	$(BIN)/python -m benchmarks.audiences --contacts 100000
	$(BIN)/python -m benchmarks.crash --kills 20 --recipients 2000

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: $(STAMP)  ## pin the newest versions: names, versions and hashes only
	$(BIN)/uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --upgrade -o constraints.txt

clean:
	rm -rf $(VENV) relais-demo build *.egg-info

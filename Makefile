# `make demo` shows the bot at work, `make test` proves it; both set themselves up.
PYTHON ?= python3
WORKERS ?= 2
EPOCH := 1767225600  # of distributions built where there is no commit, as in an unpacked sdist

.PHONY: dist release demo test test-postgres lint format quality engines torture bench image-check sbom audit lock clean

demo: .venv/ready
	@.venv/bin/kexue-bot demo

test: .venv/ready
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not torture"

# The same on PostgreSQL; `make test` runs the suite of the store and the pushes on both.
test-postgres: .venv/ready
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not torture" --database=postgres

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# How well titles, tags and formulas are understood, with every miss.
quality: .venv/ready
	.venv/bin/python -m tests.tools.quality

# The engines that judge the formulas in `make quality`: Node packages; JLaTeXMath is Debian's libjlatexmath-java.
engines:
	cd tests/quality_engines && npm ci --no-audit --no-fund

# Long runs that kill, break and starve the bot, and every property with many examples.
torture: .venv/ready
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "hypothesis and not torture" \
		--hypothesis-profile=torture tests
	.venv/bin/python -m pytest -m torture --hypothesis-profile=torture tests/torture

# Speeds, as ratios taken in one run, beside what people use today (their packages in a place of their own).
bench: .venv/ready .venv-bench/ready
	.venv/bin/python -m tests.bench

.venv-bench/ready: tests/bench/requirements.txt
	$(PYTHON) -m venv --clear .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/bench/requirements.txt
	touch $@

# The container: size, hashes, no root, read-only, health, SIGTERM.
image-check:
	@tests/tools/image_check.sh

# What an installation with all extras has, and what is known against it (3: nobody could be asked). pip-audit has
# a place of its own.
sbom: dist .venv-sbom/ready
	$(PYTHON) -m venv --clear --without-pip .venv-sbom/installed
	.venv/bin/python -m pip --python .venv-sbom/installed/bin/python install --quiet --disable-pip-version-check \
		--no-compile --no-deps --require-hashes -r requirements.lock
	.venv/bin/python -m pip --python .venv-sbom/installed/bin/python install --quiet --disable-pip-version-check \
		--no-compile --no-deps dist/*.whl
	rm .venv-sbom/installed/lib/python3*/site-packages/kexue_bot-*.dist-info/direct_url.json  # it names a folder of this machine
	mkdir -p build
	.venv-sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file build/sbom.cdx.json .venv-sbom/installed/bin/python
	@echo build/sbom.cdx.json

.venv-sbom/ready: .ci/sbom.lock
	$(PYTHON) -m venv --clear .venv-sbom
	.venv-sbom/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/sbom.lock
	touch $@

audit: .venv/ready
	test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit; }
	.venv/bin/python -m tests.tools.audit .venv-audit/bin/pip-audit

format: .venv/ready
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

.PHONY: .venv
.venv: .venv/ready

# The locks are whole, so nothing is resolved; and all processors compile, where pip would with one.
.venv/ready: pyproject.toml requirements.lock requirements-dev.lock
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes \
		-r requirements.lock -r requirements-dev.lock
	.venv/bin/python -m compileall -q -j 0 -o 0 -o 2 .venv/lib
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# One resolution for Python 3.11 to 3.14, with hashes and without any address.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock:
	$(LOCK) --all-extras pyproject.toml --output-file requirements.lock
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock

# Wheel and sdist; the same commit gives the same bytes.
dist: .venv/ready
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo $(EPOCH)) .venv/bin/python -m hatchling build -d dist

# What a release publishes: wheel, sdist, bill of materials, the image where one can be built (2: nowhere), checksums.
release: dist sbom
	cp build/sbom.cdx.json dist/
	IMAGE_FILE=$(CURDIR)/dist/kexue-bot-image.tar tests/tools/image_check.sh || test $$? = 2
	cd dist && sha256sum * > SHA256SUMS && cat SHA256SUMS

clean:
	rm -rf .venv .venv-bench .venv-audit .venv-sbom .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

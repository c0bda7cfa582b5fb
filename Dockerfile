# The base image; name it with a digest (--build-arg BASE=...@sha256:...) for a build that never changes.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS builder
# Extras of pyproject.toml, separated by blanks: "postgres", "postgres pictures", or none.
ARG EXTRAS="postgres"
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY pyproject.toml requirements.lock requirements-dev.lock .ci/lockfile.py .ci/slim_image.py .ci/sbom.lock ./
# Only wheels whose hash the lock holds; a package that is missing there ends the build.
# hadolint ignore=SC2046
RUN python -m venv --without-pip /opt/kexue \
 && python lockfile.py requirements.lock $(printf -- '--extra %s ' ${EXTRAS}) > wanted.txt \
 && python -m pip --python /opt/kexue/bin/python install --no-compile --require-hashes --only-binary :all: -r wanted.txt \
 && python lockfile.py requirements-dev.lock --only hatchling --only babel > backend.txt \
 && python -m pip install --require-hashes --only-binary :all: -r backend.txt
COPY README.md LICENSE ./
COPY .ci/hatch_build.py .ci/hatch_build.py
COPY storage storage
COPY bot bot
# The demo is run so that what the bot imports is kept compiled, the standard library's part too.
ENV PYTHONPYCACHEPREFIX=/opt/kexue/compiled
# hadolint ignore=SC2046
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
 && python -m pip --python /opt/kexue/bin/python install --no-compile --no-index --no-deps dist/*.whl \
 && python slim_image.py "$(echo /opt/kexue/lib/python3*/site-packages)" \
 && python -m venv sbom && sbom/bin/python -m pip install --require-hashes --only-binary :all: -r sbom.lock \
 && sbom/bin/cyclonedx-py environment --output-reproducible --output-file /opt/kexue/sbom.cdx.json /opt/kexue/bin/python \
 && rm -rf /opt/kexue/compiled \
 && /opt/kexue/bin/kexue-bot demo < /dev/null > /dev/null \
 && /opt/kexue/bin/python -P -c "import bot.cli.run, bot.ops.http, bot.ops.backup" \
 && /opt/kexue/bin/python -P -m bot.ops.probe 0

FROM ${BASE}
ARG VERSION="0.1.0"
ARG REVISION=""
LABEL org.opencontainers.image.title="kexue-bot" \
      org.opencontainers.image.description="A Telegram bot that follows the blog Scientific Spaces (kexue.fm)" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Nothing installs anything here any more. The volumes take over the owner of these folders.
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
 && groupadd --gid 10001 kexue \
 && useradd --uid 10001 --gid kexue --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kexue \
 && install --directory --owner=kexue --group=kexue /data /dumps
COPY --from=builder /opt/kexue /opt/kexue
# The root file system may be read-only: the only places written to are /data and /tmp.
ENV PATH=/opt/kexue/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/kexue/compiled \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    DATABASE_URL=sqlite+aiosqlite:////data/kexue.db \
    DUMP_DIR=/dumps \
    HTTP_PORT=8080
USER 10001:10001
WORKDIR /opt/kexue
VOLUME ["/data", "/dumps"]
STOPSIGNAL SIGTERM
# Asks /healthz. A shell for the sake of the two settings; the bot itself, which takes a second to load, is not.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["sh", "-c", "exec python -P -m bot.ops.probe ${HTTP_PORT} ${HTTP_HOST:-127.0.0.1}"]
ENTRYPOINT ["kexue-bot"]
CMD ["run"]

# The base image by digest (Python 3.13.15, Debian 13.6), as public Dockerfiles name it; no registry could be
# asked where this was written, so the digest is unverified and every build so far was on a stand-in made of
# Debian 13 and CPython 3.13. Another: --build-arg BASE=python:3.13-slim-trixie
ARG BASE=python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285
# Seconds since 1970: the time of every file. Two builds of one commit from one base have the same bytes.
ARG SOURCE_DATE_EPOCH=1767225600

FROM ${BASE} AS builder
# Extras of pyproject.toml, separated by blanks: "postgres", "postgres pictures", or none.
ARG EXTRAS="postgres"
ARG SOURCE_DATE_EPOCH
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} PYTHONHASHSEED=0
WORKDIR /build
COPY pyproject.toml requirements.lock requirements-dev.lock .ci/lockfile.py .ci/slim_image.py .ci/sbom.lock ./
# Only wheels whose hash the lock holds; a package that is missing there ends the build.
# hadolint ignore=SC2046
RUN python -m venv --without-pip /opt/kexue \
 && python lockfile.py requirements.lock $(printf -- '--extra %s ' ${EXTRAS}) --without manimgx-fonts-cjk > wanted.txt \
 && python -m pip --python /opt/kexue/bin/python install --no-compile --require-hashes --only-binary :all: -r wanted.txt \
 && python lockfile.py requirements-dev.lock --only hatchling --only babel > backend.txt \
 && python -m pip install --require-hashes --only-binary :all: -r backend.txt
# Pictures are written in Debian's font (5 MB; the extra's has 33), which is checked as the packages are.
# hadolint ignore=DL3008,DL3009,DL4006
RUN mkdir /fonts && case " ${EXTRAS} " in *" pictures "*) \
        apt-get update && apt-get download fonts-wqy-microhei && dpkg --extract fonts-wqy-microhei_*.deb font \
     && cp font/usr/share/fonts/truetype/wqy/wqy-microhei.ttc font/usr/share/doc/fonts-wqy-microhei/copyright /fonts \
     && echo "2420e8078af796b19a3f6ef13de527a1a91c1e7171eea115926c614ced1009b3  /fonts/wqy-microhei.ttc" | sha256sum -c \
    ;; esac
COPY README.md LICENSE ./
COPY .ci/hatch_build.py .ci/hatch_build.py
COPY storage storage
COPY bot bot
# The demo is run so that what the bot imports is kept compiled, the standard library's part too,
# and without docstrings (PYTHONOPTIMIZE=2), which take 8 MB of memory.
ENV PYTHONPYCACHEPREFIX=/opt/kexue/compiled
# hadolint ignore=SC2046
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
 && python -m pip --python /opt/kexue/bin/python install --no-compile --no-index --no-deps dist/*.whl \
 && rm -f /opt/kexue/lib/python3*/site-packages/kexue_bot-*.dist-info/direct_url.json \
 && python slim_image.py packages "$(echo /opt/kexue/lib/python3*/site-packages)" \
 && python -m venv sbom && sbom/bin/python -m pip install --require-hashes --only-binary :all: -r sbom.lock \
 && sbom/bin/cyclonedx-py environment --output-reproducible --output-file /opt/kexue/sbom.cdx.json /opt/kexue/bin/python \
 && rm -rf /opt/kexue/compiled && export PYTHONOPTIMIZE=2 \
 && /opt/kexue/bin/kexue-bot demo < /dev/null > /dev/null \
 && /opt/kexue/bin/python -P -c "import bot.cli.run, bot.ops.http, bot.ops.backup" \
 && /opt/kexue/bin/python -P -m bot.ops.probe 0 \
 && PYTHONPYCACHEPREFIX='' PYTHONDONTWRITEBYTECODE=1 /opt/kexue/bin/python -P slim_image.py recompile /opt/kexue/compiled

# The whole file system, slimmed, so that the image is one layer in which nothing was hidden by a later one.
FROM ${BASE} AS root
ARG SOURCE_DATE_EPOCH
COPY .ci/slim_image.py /build/slim_image.py
COPY --from=builder /opt/kexue /opt/kexue
COPY --from=builder /fonts /usr/share/fonts/truetype/wqy
RUN mkdir /image \
 && tar --create --one-file-system --exclude=./image --exclude=./build --exclude=./proc/* --exclude=./sys/* \
        --exclude=./dev/* --exclude=./etc/resolv.conf --exclude=./etc/hosts --exclude=./etc/hostname \
        --file=/build/image.tar -C / . \
 && tar --extract --file=/build/image.tar -C /image \
 && echo 'kexue:x:10001:10001::/nonexistent:/usr/sbin/nologin' >> /image/etc/passwd \
 && echo 'kexue:x:10001:' >> /image/etc/group \
 && install --directory --owner=10001 --group=10001 /image/data /image/dumps \
 && PYTHONDONTWRITEBYTECODE=1 python /build/slim_image.py root /image "${SOURCE_DATE_EPOCH}"

FROM scratch
ARG VERSION="0.1.0"
ARG REVISION=""
LABEL org.opencontainers.image.title="kexue-bot" \
      org.opencontainers.image.description="A Telegram bot that follows the blog Scientific Spaces (kexue.fm)" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=root /image/ /
# The root file system may be read-only: the only places written to are /data and /tmp. One allocator arena for
# all threads saves 2 MB of memory; the interpreter's lock lets them take turns anyway.
ENV PATH=/opt/kexue/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/kexue/compiled \
    PYTHONOPTIMIZE=2 \
    MALLOC_ARENA_MAX=1 \
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

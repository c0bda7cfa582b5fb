#!/usr/bin/env bash
# Proves the container image: lint, hashes, the same bytes twice, size, no root, no installer, read-only root,
# health, SIGTERM.
#   tests/tools/image_check.sh [TAG]
# IMAGE_FILE names a file for the archive that is published, which `docker load` reads.
# Uses docker or podman, whichever is there; buildah alone can only build and look into the image. Without them
# IMAGE_TOOL names a program with these calls:
#   build FOLDER TAG [--no-cache] [--timestamp SECONDS]   lint DOCKERFILE
#   inspect TAG (prints "SizeMB": N)   save TAG FILE (as `docker save`)
#   run TAG SECONDS [OPTIONS] [-- ARGS]  with ARGS their exit code; else 0 if it stayed up and healthy until it was
#                                        stopped, and a line "stopped in N s, exit code N"
set -euo pipefail
cd "$(dirname "$0")/../.."

TAG=${1:-localhost/kexue-bot:check}
LIMIT_MB=200  # without pictures
EPOCH=1767225600  # SOURCE_DATE_EPOCH of the Dockerfile
UP_SECONDS=20
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

can_build() { # a client may be installed without its engine or its builder
  command -v "$1" >/dev/null || return
  case $1 in
    docker) docker info && docker buildx version ;;
    *) "$1" info ;;
  esac >/dev/null 2>&1
}

TOOL=${IMAGE_TOOL:-}
for each in docker podman buildah; do
  [ -n "$TOOL" ] || ! can_build "$each" || TOOL=$each
done
[ -n "$TOOL" ] || { echo "image-check: no working docker with buildx, podman or buildah here; IMAGE_TOOL may name another program" >&2; exit 2; }
KIND=$(basename "$TOOL")

ok() { printf 'ok   %s\n' "$*"; }
bad() { printf 'bad  %s\n' "$*" >&2; exit 1; }
quiet() { "$@" >"$WORK/log" 2>&1 || { tail -n 40 "$WORK/log" >&2; return 1; }; }

build() { # FOLDER TAG [OPTIONS]
  local folder=$1 tag=$2
  shift 2
  case $KIND in
    docker) "$TOOL" buildx build "$@" --build-arg "SOURCE_DATE_EPOCH=$EPOCH" \
      --output "type=docker,name=$tag,rewrite-timestamp=true" "$folder" ;;
    podman | buildah) "$TOOL" build "$@" --format docker --timestamp "$EPOCH" -t "$tag" "$folder" ;;
    *) "$TOOL" build "$folder" "$tag" "$@" --timestamp "$EPOCH" ;;
  esac
}

save() { # TAG FILE
  case $KIND in
    docker) "$TOOL" save -o "$2" "$1" ;;
    podman) "$TOOL" save --format docker-archive -o "$2" "$1" ;;
    buildah) "$TOOL" push -q "$1" "docker-archive:$2" ;;
    *) "$TOOL" save "$1" "$2" ;;
  esac
}

size_mb() {
  case $KIND in
    docker | podman) echo $(($("$TOOL" image inspect -f '{{.Size}}' "$TAG") / 1000000)) ;;
    buildah) echo $(($(buildah inspect --type image -f '{{.FromImageSize}}' "$TAG" 2>/dev/null || echo 0) / 1000000)) ;;
    *) "$TOOL" inspect "$TAG" | sed -n 's/.*"SizeMB": *\([0-9]*\).*/\1/p' ;;
  esac
}

inside() { # a shell command in a fresh container, without network and with nothing to write to
  case $KIND in
    docker | podman) "$TOOL" run --rm --read-only --network none --entrypoint sh "$TAG" -c "$1" ;;
    buildah)
      local name rc=0
      name=$(buildah from "$TAG")
      buildah run --user 10001:10001 "$name" -- sh -c "$1" || rc=$?
      buildah rm "$name" >/dev/null
      return "$rc" ;;
    *) "$TOOL" run "$TAG" 60 --read-only --entrypoint sh -- -c "$1" ;;
  esac
}

# A token of the right form and a Bot API that nobody serves: the bot must stay up, be healthy and go when asked,
# with the image's own settings for all else.
SETTINGS=(-e BOT_TOKEN=1:not-a-real-token -e BOT_API_URL=http://127.0.0.1:9)

service() {
  case $KIND in
    docker | podman)
      local id rc healthy=no
      id=$("$TOOL" run -d --read-only --tmpfs /tmp --cap-drop ALL "${SETTINGS[@]}" "$TAG")
      for _ in $(seq "$UP_SECONDS"); do
        sleep 1
        ! "$TOOL" exec "$id" python -P -m bot.ops.probe 8080 || { healthy=yes; break; }
      done
      "$TOOL" stop -t 30 "$id" >/dev/null
      rc=$("$TOOL" inspect -f '{{.State.ExitCode}}' "$id")
      "$TOOL" logs "$id" 2>&1
      "$TOOL" rm -v "$id" >/dev/null
      echo "stopped, exit code $rc"
      [ $healthy = yes ] ;;
    *) "$TOOL" run "$TAG" "$UP_SECONDS" --read-only --tmpfs /tmp --cap-drop ALL "${SETTINGS[@]}" ;;
  esac
}

case $KIND in
  docker | podman | buildah) ! command -v hadolint >/dev/null || { quiet hadolint Dockerfile || bad "hadolint"; ok "hadolint"; } ;;
  *) quiet "$TOOL" lint Dockerfile || bad "hadolint"; ok "hadolint" ;;
esac

quiet build . "$TAG" || bad "it builds"
ok "it builds"

# The same with one digit of one hash changed must not build.
mkdir "$WORK/forged"
cp -R .ci Dockerfile .dockerignore pyproject.toml requirements.lock requirements-dev.lock README.md LICENSE bot storage "$WORK/forged/"
sed -i.kept '/^click==/,/^[a-z]*$/ s/sha256:[0-9a-f]\{6\}/sha256:000000/' "$WORK/forged/requirements.lock"
! cmp -s requirements.lock "$WORK/forged/requirements.lock" || bad "the lock could not be forged"
if build "$WORK/forged" "$TAG-forged" >"$WORK/log" 2>&1; then bad "a package with a wrong hash was installed"; fi
grep -q "DO NOT MATCH THE HASHES" "$WORK/log" || { tail -n 40 "$WORK/log" >&2; bad "the forged build failed for another reason"; }
ok "a wrong hash ends the build"

quiet save "$TAG" "$WORK/first.tar" || bad "it can be saved"
quiet build . "$TAG" --no-cache || bad "it builds again, from nothing"
quiet save "$TAG" "$WORK/again.tar" || bad "it can be saved"
for each in first again; do
  quiet python3 tests/tools/image_archive.py "$WORK/$each.tar" "$WORK/$each.image" || bad "it can be archived"
done
cmp "$WORK/first.image" "$WORK/again.image" \
  || bad "two builds differ: $(python3 tests/tools/image_archive.py --differences "$WORK/first.image" "$WORK/again.image")"
ok "two builds, the second without a cache, are byte-identical: image $(cat "$WORK/log")"
[ -z "${IMAGE_FILE:-}" ] || cp "$WORK/first.image" "$IMAGE_FILE"
rm "$WORK"/*.tar "$WORK"/*.image

size=$(size_mb)
[ "$size" -le "$LIMIT_MB" ] || bad "$size MB is more than $LIMIT_MB"
ok "$size MB"

quiet inside 'test "$(id -u)" -ne 0' || bad "it does not run as root"
ok "it does not run as root"
quiet inside 'test -z "$(find / -xdev -type f -perm /6000 2>/dev/null)"' || bad "no program changes its user"
ok "no program changes its user"
# shellcheck disable=SC2016
quiet inside 'cd /opt/kexue/lib/python3*/site-packages && for each in sqlalchemy/dialects/mysql alembic/ddl/mssql.py \
  /usr/local/include /usr/bin/apt /usr/bin/perl /usr/local/lib/python3*/ensurepip; do test ! -e "$each" || exit 1; done; \
  test -z "$(find . -name "*_avx2*" -o -name "*.h" -o -name "*.c")"' || bad "no unused dialects, twins and headers"
ok "no unused dialects, twins and headers"
quiet inside '! command -v pip && ! command -v gcc && ! python -c "import pip" 2>/dev/null' || bad "no installer and no compiler"
ok "no installer and no compiler"
quiet inside 'python -c "import asyncpg" && ! python -c "import matplotlib" 2>/dev/null' || bad "what is installed"
ok "PostgreSQL's driver and no pictures"
quiet inside 'test -w /data && test ! -w /opt/kexue && kexue-bot --version' || bad "only /data can be written to"
ok "only /data can be written to"

quiet build . "$TAG-pictures" --build-arg EXTRAS="postgres pictures" || bad "it builds with pictures"
TAG=$TAG-pictures
quiet inside 'python -c "from bot.messages.statistics import _font, can_draw; assert can_draw() and not _font().is_relative_to(\"/opt\")"' \
  || bad "pictures are written in the font of the distribution"
ok "with pictures it is $(size_mb) MB, with the font of the distribution"
TAG=${TAG%-pictures}

if [ "$KIND" = buildah ]; then echo "--   buildah cannot run a service: health and SIGTERM are not tested"; exit 0; fi
quiet service || bad "it stays up and healthy on a read-only root"
ok "it stays up and healthy on a read-only root"
grep -qE 'stopped.*exit code 0$' "$WORK/log" || { tail -n 40 "$WORK/log" >&2; bad "SIGTERM ends it with 0"; }
ok "SIGTERM ends it with 0: $(grep -oE 'stopped.*' "$WORK/log" | head -n 1)"
! grep -qF not-a-real-token "$WORK/log" || bad "the token is in the log"
ok "no token in the log"

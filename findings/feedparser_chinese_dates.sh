#!/usr/bin/env bash
# feedparser 6.0.12 gives a Chinese date such as 2025年10月8日 23:30 a time without a bozo error: it takes the year
# only and fills in the month in which the program runs, day 1, 00:00 UTC. The same feed therefore has other dates
# a month later. A date with hyphens in its place is read as written.
# Seen on a day in November: "2025年10月8日 23:30 -> 2025-11-01 00:00" and "2025-10-08 23:30 -> 2025-10-08 23:30".
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check feedparser==6.0.12
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
import time

import feedparser

print("feedparser", feedparser.__version__)
month = time.gmtime().tm_mon
cases = {
    "2025年10月8日 23:30": (2025, month, 1, 0, 0),
    "2025年1月2日": (2025, month, 1, 0, 0),
    "2025-10-08 23:30": (2025, 10, 8, 23, 30),
}
changed = False
for written, expected in cases.items():
    feed = feedparser.parse(
        f'<rss version="2.0"><channel><title>t</title><item><title>a</title><pubDate>{written}</pubDate></item></channel></rss>'
    )
    read = tuple(feed.entries[0].published_parsed)[:5]
    print(f"{written} -> {read[0]}-{read[1]:02}-{read[2]:02} {read[3]:02}:{read[4]:02}, bozo {feed.bozo}")
    changed |= read != expected or bool(feed.bozo)
sys.exit(changed)
PROGRAM

"""The `reader` library takes a feed file in, twice: prints both times as JSON. Imports nothing of ours."""

import json
import sys
import tempfile
import time
from pathlib import Path

from reader import make_reader


def main(feed: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        reader = make_reader(str(Path(folder) / "reader.sqlite"), feed_root=str(Path(feed).parent))
        reader.add_feed(Path(feed).name)
        seconds, processor = [], []
        for _ in range(2):
            begun, cpu = time.perf_counter(), time.process_time()
            reader.update_feeds()
            seconds.append(time.perf_counter() - begun)
            processor.append(time.process_time() - cpu)
        entries = reader.get_entry_counts().total
    return {"first": seconds[0], "first_cpu": processor[0], "again": seconds[1], "entries": entries}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])) + "\n")

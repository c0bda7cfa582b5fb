"""Health check of the container: requests /healthz of the running bot.

Imports the standard library only, since it is started twice a minute.
"""

import http.client
import sys

SECONDS = 3.0


def probe(port: int, host: str = "127.0.0.1") -> int:
    """Return the exit code: 0 if /healthz returns 200 or `port` is 0 (no server), otherwise 1."""
    if port == 0:
        return 0
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == http.client.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


def main() -> None:
    """Run as `python -m bot.ops.probe PORT [HOST]`."""
    port, *host = sys.argv[1:]
    sys.exit(probe(int(port), *host))


if __name__ == "__main__":
    main()

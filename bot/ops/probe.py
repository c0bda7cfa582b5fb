"""Asks a running bot whether it lives: the container's health check.

The standard library only and nothing of the bot: it is started twice a minute and must be light.
"""

import http.client
import sys

SECONDS = 3.0


def probe(port: int, host: str = "127.0.0.1") -> int:
    """The exit code: 0 if /healthz answers 200, 1 if not. With port 0 there is no one to ask, hence 0."""
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
    """`python -m bot.ops.probe PORT [HOST]`."""
    port, *host = sys.argv[1:]
    sys.exit(probe(int(port), *host))


if __name__ == "__main__":
    main()

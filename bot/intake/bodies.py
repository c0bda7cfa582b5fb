"""The body of an answer, within a limit that holds after decompression, too. Knows no HTTP client."""

import zlib
from collections.abc import AsyncIterable

MAX_BYTES = 15 * 1024 * 1024


class BadBodyError(Exception):
    """A body that is too large, cut or damaged; the text says which."""


async def read_body(
    chunks: AsyncIterable[bytes], encoding: str, *, length: int | None = None, limit: int = MAX_BYTES
) -> bytes:
    """All of `chunks`, decompressed if `encoding` is gzip; never more than `limit` bytes are held.

    `length` is what the answer said of its size. Raises BadBodyError.
    """
    if length is not None and length > limit:
        raise BadBodyError(_too_large(limit))
    match encoding.strip().lower():
        case "" | "identity":
            return await _plain(chunks, limit)
        case "gzip" | "x-gzip":
            return await _gunzipped(chunks, limit)
        case other:
            raise BadBodyError(f"compressed as {other[:20]}, which was not asked for")


async def _plain(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise BadBodyError(_too_large(limit))
    return bytes(body)


async def _gunzipped(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    body = bytearray()
    member = zlib.decompressobj(wbits=31)
    begun = False
    try:
        async for chunk in chunks:
            while chunk:
                if member.eof:
                    member = zlib.decompressobj(wbits=31)
                # Without a bound one chunk of 64 KB could become 64 MB.
                body += member.decompress(chunk, limit + 1 - len(body))
                begun = True
                if len(body) > limit:
                    raise BadBodyError(_too_large(limit))
                chunk = member.unconsumed_tail or member.unused_data
    except zlib.error as error:
        raise BadBodyError(f"its compression is damaged ({error})") from None
    if begun and not member.eof:
        raise BadBodyError("it ends before its end")
    return bytes(body)


def _too_large(limit: int) -> str:
    return f"it is larger than {limit / 1e6:.0f} MB"

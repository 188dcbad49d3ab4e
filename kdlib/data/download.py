"""A download that goes on where it stopped, because the home of CIFAR-10 is slow and cuts connections."""

import hashlib
import http.client
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from kdlib import progress
from kdlib.data import cache

CHUNK = 1 << 16


def download(
    url: str, target: Path, *, md5: str, attempts: int = 5, pause: float = 1.0, timeout: float = 30.0
) -> None:
    """Download `url` to `target`; an unfinished `target`.part is kept, and gone on with by Range requests.

    Where `target` has this MD5 already, nothing is fetched. It gives up after `attempts` tries in a row that
    brought nothing new, waiting `pause` seconds (twice as long each time) between them and saying so on
    stderr; and at once where the server refuses, or where it cannot be reached before anything came.
    ConnectionError where the download fails or its MD5 is not `md5` (the file is then deleted); CacheError
    where it cannot be written.
    """
    if target.is_file() and _md5_of(target) == md5:
        return
    part = target.with_name(target.name + ".part")
    failures, at_start = 0, _size(part)
    while True:
        before = _size(part)
        try:
            _go_on(url, part, timeout)
            break
        except cache.CacheError:
            raise
        except (OSError, http.client.HTTPException) as error:
            failures = 0 if _size(part) > before else failures + 1
            hopeless = _refused(error) or (_unreachable(error) and _size(part) == at_start)
            if hopeless or failures >= attempts:
                kept = f"; the {_size(part):,} bytes got so far are kept in {part}" if part.exists() else ""
                raise ConnectionError(f"cannot download {url} ({_said(error)}){kept}") from error
            seconds = pause * 2**failures
            print(f"kdlib: {_said(error)}; trying again in {seconds:g} s", file=sys.stderr, flush=True)
            time.sleep(seconds)
    if (found := _md5_of(part)) != md5:
        part.unlink()
        raise ConnectionError(f"{url} brought MD5 {found}, wanted {md5}; the file was deleted: try again")
    with cache.explained(target.parent):
        part.replace(target)


def _go_on(url: str, part: Path, timeout: float) -> None:
    """One connection: append what is missing, or start again where the server ignores Range."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "kdlib"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is left to send; the MD5 decides
            return
        raise
    with response:
        span = response.headers["Content-Range"] or ""
        resumed = response.status == 206 and span.startswith(f"bytes {have}-")
        have = have if resumed else 0
        length = response.headers["Content-Length"]
        total = have + int(length) if length else None
        with cache.explained(part.parent):
            file = part.open("ab" if resumed else "wb")
        bar = progress.bar(total, url.rsplit("/", 1)[-1], initial=have, unit="B", unit_scale=True)
        with file, bar:
            while chunk := response.read(CHUNK):
                with cache.explained(part.parent):
                    file.write(chunk)
                    file.flush()
                bar.update(len(chunk))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"cut off after {_size(part):,} of {total:,} bytes")


def _refused(error: Exception) -> bool:
    return isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500


def _unreachable(error: Exception) -> bool:
    """No such host or nobody listening: with no network, waiting half a minute would not help."""
    return isinstance(getattr(error, "reason", error), socket.gaierror | ConnectionRefusedError)


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error) or type(error).__name__

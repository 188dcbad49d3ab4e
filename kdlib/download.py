"""A download that goes on where it stopped, because the home of CIFAR-10 is slow and cuts connections."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from kdlib import cache

CHUNK = 1 << 16


def download(
    url: str, target: Path, *, md5: str, attempts: int = 5, pause: float = 1.0, timeout: float = 30.0
) -> None:
    """Download `url` to `target`; an unfinished `target`.part is kept, and gone on with by Range requests.

    It gives up after `attempts` tries in a row that brought nothing new, waiting `pause` seconds (twice as
    long each time) between them. ConnectionError where the download fails or its MD5 is not `md5` (the file
    is then deleted); CacheError where it cannot be written.
    """
    part = target.with_name(target.name + ".part")
    failures = 0
    while True:
        before = _size(part)
        try:
            _go_on(url, part, timeout)
            break
        except cache.CacheError:
            raise
        except (OSError, http.client.HTTPException) as error:
            failures = 0 if _size(part) > before else failures + 1
            refused = isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500
            if refused or failures >= attempts:
                kept = f"; the {_size(part):,} bytes got so far are kept in {part}" if part.exists() else ""
                raise ConnectionError(f"cannot download {url} ({_said(error)}){kept}") from error
            time.sleep(pause * 2**failures)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
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
        bar = tqdm(
            desc=url.rsplit("/", 1)[-1], total=total, initial=have, unit="B", unit_scale=True, disable=None
        )
        with file, bar:
            while chunk := response.read(CHUNK):
                with cache.explained(part.parent):
                    file.write(chunk)
                    file.flush()
                bar.update(len(chunk))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"cut off after {_size(part):,} of {total:,} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error) or type(error).__name__

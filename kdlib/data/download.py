"""A download that goes on where it stopped, because the home of CIFAR-10 is slow and cuts connections."""

import http.client
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from kdlib import files, progress


def download(url: str, target: Path, *, attempts: int = 5, pause: float = 1.0) -> None:
    """Download `url` to `target`; an unfinished `target`.part is kept, and gone on with by Range requests.

    It gives up after `attempts` tries in a row that brought nothing new, waiting 2 `pause` seconds (twice as
    long each time) between them and saying so on stderr; and at once where the server refuses, or where it
    cannot be reached before anything came. Whether it is what was wanted, its content must tell.

    ConnectionError where the download fails; WriteError where it cannot be written.
    """
    part = target.with_name(target.name + ".part")
    failures, at_start = 0, _size(part)
    while True:
        before = _size(part)
        try:
            _go_on(url, part)
            break
        except files.WriteError:
            raise
        except (OSError, http.client.HTTPException) as error:
            said = str(getattr(error, "reason", None) or error) or type(error).__name__
            failures = 0 if _size(part) > before else failures + 1
            refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            offline = isinstance(getattr(error, "reason", error), socket.gaierror | ConnectionRefusedError)
            if failures >= attempts or refused or (offline and _size(part) == at_start):
                kept = f"; the {_size(part):,} bytes got so far are kept in {part}" if part.exists() else ""
                raise ConnectionError(f"cannot download {url} ({said}){kept}") from error
            seconds = pause * 2**failures
            print(f"kdlib: {said}; trying again in {seconds:g} s", file=sys.stderr, flush=True)
            time.sleep(seconds)
    with files.explained(target.parent):
        part.replace(target)


def _go_on(url: str, part: Path) -> None:
    """One connection: append what is missing, or start again where the server ignores Range."""
    have = _size(part)
    headers = {"User-Agent": "kdlib"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is left to send
            return
        raise
    with response:
        resumed = (response.headers["Content-Range"] or "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        length = response.headers["Content-Length"]
        total = have + int(length) if length else None
        with files.explained(part.parent):
            file = part.open("ab" if resumed else "wb")
        bar = progress.bar(total, url.rsplit("/", 1)[-1], initial=have, unit="B", unit_scale=True)
        with file, bar:
            while chunk := response.read(1 << 16):
                with files.explained(part.parent):
                    file.write(chunk)
                    file.flush()
                bar.update(len(chunk))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"cut off after {_size(part):,} of {total:,} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

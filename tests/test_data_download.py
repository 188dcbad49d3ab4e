"""The resumable download, against a server on this machine that cuts connections."""

import errno
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kdlib import cache
from kdlib.download import download

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes: several chunks
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `cuts`: after how many bytes the next connections end; `asked`: their Range headers."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges, self.length, self.cuts, self.statuses, self.asked = True, True, [], [], []
        self.content = CONTENT
        self.url = f"http://127.0.0.1:{self.server_port}/cifar-10-binary.tar.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers["Range"]
        server.asked.append(asked)
        if server.statuses:
            return self.send_error(server.statuses.pop(0))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
        if start >= len(server.content):
            return self.send_error(416)
        self.send_response(206 if asked and server.ranges else 200)
        if asked and server.ranges:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            )
        if server.length:
            self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        stop = start + server.cuts.pop(0) if server.cuts else None
        self.wfile.write(server.content[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def fetch(server, target, **options):
    download(server.url, target, **{"md5": MD5, "pause": 0.0, **options})


def test_a_whole_download(server, tmp_path):
    fetch(server, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert server.asked == [None] and list(tmp_path.iterdir()) == [tmp_path / "got"]


def test_a_cut_download_goes_on_where_it_stopped(server, tmp_path):
    server.cuts = [100_000, 0, 50_000]
    fetch(server, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=100000-", "bytes=150000-"]


def test_the_next_call_goes_on_too(server, tmp_path):
    server.cuts = [100_000, 0]
    with pytest.raises(
        ConnectionError, match=r"cannot download .*; the 100,000 bytes got so far are kept in .*got\.part"
    ):
        fetch(server, tmp_path / "got", attempts=1)
    assert not (tmp_path / "got").exists()
    fetch(server, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT and server.asked[-1] == "bytes=100000-"


def test_progress_resets_the_patience(server, tmp_path):
    server.cuts = [20_000] * 15
    fetch(server, tmp_path / "got", attempts=1)
    assert (tmp_path / "got").read_bytes() == CONTENT


def test_a_server_without_ranges_is_asked_for_all_of_it_again(server, tmp_path):
    server.ranges, server.cuts = False, [100_000]
    fetch(server, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT and server.asked == [None, "bytes=100000-"]


def test_a_server_without_ranges_that_always_cuts_is_given_up(server, tmp_path):
    server.ranges, server.cuts = False, [100_000] * 10
    with pytest.raises(ConnectionError, match="100,000"):
        fetch(server, tmp_path / "got", attempts=3)
    assert len(server.asked) == 4 and not (tmp_path / "got").exists()


def test_a_truncated_download_of_unknown_length_is_found_by_its_md5(server, tmp_path):
    server.length, server.cuts = False, [100_000]
    with pytest.raises(
        ConnectionError, match=rf"brought MD5 \w+, wanted {MD5}; the file was deleted: try again"
    ):
        fetch(server, tmp_path / "got")
    assert not list(tmp_path.iterdir())


def test_altered_content_is_found_by_its_md5(server, tmp_path):
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(ConnectionError, match="the file was deleted: try again"):
        fetch(server, tmp_path / "got")
    assert not list(tmp_path.iterdir())


def test_a_part_that_is_already_whole_is_taken(server, tmp_path):
    (tmp_path / "got.part").write_bytes(CONTENT)
    fetch(server, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT and server.asked == ["bytes=307200-"]


def test_what_the_server_refuses_is_not_asked_again_but_its_troubles_are(server, tmp_path):
    server.statuses = [503, 500]
    fetch(server, tmp_path / "got")
    assert len(server.asked) == 3
    server.statuses = [404]
    with pytest.raises(ConnectionError, match=r"cannot download http.* \(Not Found\)$"):
        fetch(server, tmp_path / "again")
    assert len(server.asked) == 4


class FullDisk:
    """A file that can be opened and not written."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_reason_to_ask_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "open", lambda *_: FullDisk())
    with pytest.raises(
        cache.CacheError, match=r"No space left on device.*free some space there, or set KDLIB_DATA"
    ):
        fetch(server, tmp_path / "got")
    assert len(server.asked) == 1


def test_a_part_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "got.part").mkdir()
    with pytest.raises(cache.CacheError, match="cannot write to"):
        fetch(server, tmp_path / "got")

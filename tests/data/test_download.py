"""The resumable download, against a server on this machine that cuts connections."""

import errno
import socket
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kdlib import files
from kdlib.data.download import download

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes: several chunks


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
    download(server.url, target, **{"pause": 0.0, **options})


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


@pytest.fixture
def naps(monkeypatch):
    """The seconds that the download would have slept."""
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


def test_waiting_is_announced(server, tmp_path, naps, capsys):
    server.statuses = [503, 500]
    download(server.url, tmp_path / "got")
    assert naps == [2, 4]
    said = capsys.readouterr().err
    assert "kdlib: Service Unavailable; trying again in 2 s" in said and "again in 4 s" in said


def test_a_refused_connection_is_given_up_at_once(tmp_path, naps, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as taken:  # bound, and never listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(ConnectionError, match=r"cannot download .*refused"):
            download(url, tmp_path / "got")
    assert naps == []


def test_a_host_without_an_address_is_given_up_at_once(tmp_path, naps, monkeypatch):
    def no_network(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(ConnectionError, match=r"cannot download http://home\.invalid/x .*name resolution"):
        download("http://home.invalid/x", tmp_path / "got")
    assert naps == []


def test_a_network_lost_on_the_way_is_waited_for(server, tmp_path, naps, monkeypatch):
    urlopen = urllib.request.urlopen
    lost = [False, True, True, False]

    def sometimes(*arguments, **options):
        if lost.pop(0):
            raise urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "no network"))
        return urlopen(*arguments, **options)

    monkeypatch.setattr(urllib.request, "urlopen", sometimes)
    server.cuts = [100_000]
    fetch(server, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT and len(naps) == 3


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
        files.WriteError, match=r"No space left on device.*free some space there, or set KDLIB_DATA"
    ):
        fetch(server, tmp_path / "got")
    assert len(server.asked) == 1


def test_a_part_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "got.part").mkdir()
    with pytest.raises(files.WriteError, match="cannot write to"):
        fetch(server, tmp_path / "got")

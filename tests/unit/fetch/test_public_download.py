"""Downloads reach public addresses only, and end: by count, by bytes, by time."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from tests.support.served import QuietHandler, served
from wechat_campaigns.fetch.public_download import Downloader, DownloadError, DownloadLimits, is_public

PUBLIC = "93.184.216.34"
PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 5_000


class _Site(QuietHandler):
    """A site of pictures, with bad habits."""

    def do_GET(self) -> None:
        self.server.asked.append(self.headers["Host"] + self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", unquote(self.path.removeprefix("/to/")))
            self.end_headers()
        elif self.path == "/none":
            self.send_error(404)
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            while not self.server.ending.wait(0.05):  # type: ignore[attr-defined]
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return
        else:
            self.send_response(200)
            if self.path == "/short":
                self.send_header("Content-Length", "9000")
            self.end_headers()
            self.wfile.write(PICTURE)


Make = Callable[..., Downloader]


@pytest.fixture
def site() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    server.asked, server.ending = [], threading.Event()  # type: ignore[attr-defined]
    with served(server):
        yield server
        server.ending.set()  # type: ignore[attr-defined]


@pytest.fixture
def make(site: ThreadingHTTPServer) -> Make:
    """Make a downloader that finds every public address at the site, and resolves names as given."""

    def made(names: dict[str, list[str]] | None = None, **limits: float) -> Downloader:
        def resolve(host: str, port: int) -> list[str]:
            return (names or {}).get(host, [PUBLIC])

        def connect(address: str, port: int, timeout_s: float) -> socket.socket:
            assert is_public(address)
            return socket.create_connection(site.server_address[:2], timeout=timeout_s)

        return Downloader(limits=DownloadLimits(**limits), resolve=resolve, connect=connect)  # type: ignore[arg-type]

    return made


def test_a_picture_is_downloaded_from_the_address_that_was_checked(
    make: Make, site: ThreadingHTTPServer
) -> None:
    assert make().get("http://img.example.com/春茶 1.png?x=a b") == PICTURE
    assert site.asked == ["img.example.com/%E6%98%A5%E8%8C%B6%201.png?x=a%20b"]  # type: ignore[attr-defined]


def test_a_redirect_is_followed_and_checked_like_the_first_address(make: Make) -> None:
    assert make().get("http://img.example.com/to//a.png") == PICTURE
    names = {"inside.example": ["10.0.0.5"]}
    with pytest.raises(DownloadError, match="not a public address"):
        make(names).get("http://img.example.com/to/http://inside.example/a.png")
    for broken in ("http://[x", "//[x", "ftp://a.b/c", "http://a.b:x/"):
        with pytest.raises(DownloadError, match="not an address"):
            make().get(f"http://img.example.com/to/{broken}")
    with pytest.raises(DownloadError, match="more than 3 redirects"):
        make().get("http://img.example.com" + "/to/" * 5)


@pytest.mark.deep
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "198.18.0.1", "x",
        "fec0::1", "::7f00:1", "::ffff:0:7f00:1", "4000::1",
        "100.100.100.200", "168.63.129.16", "::ffff:168.63.129.16", "::ffff:100.100.100.200", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_no_address_around_us_is_reached(make: Make, site: ThreadingHTTPServer, address: str) -> None:
    with pytest.raises(DownloadError, match="not a public address"):
        make({"a.example": [PUBLIC, address]}).get("http://a.example/a.png")
    assert site.asked == []  # type: ignore[attr-defined]


def test_the_real_resolver_knows_odd_spellings_of_this_machine() -> None:
    for host in ("localhost", "127.1", "2130706433", "0x7f000001", "[::1]"):
        with pytest.raises(DownloadError):
            Downloader(connect=lambda *_args: pytest.fail("connected")).get(f"http://{host}/a.png")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.b/c", "file:///etc/passwd", "http://", "http://[::1", "http://u:p@a.b/", "x",
        "http://a.b:x/", "http://a.b/\ud800",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(make: Make, url: str) -> None:
    with pytest.raises(DownloadError, match="not an address"):
        make().get(url)


@pytest.mark.parametrize(
    ("limits", "path", "said"),
    [
        ({"file_bytes": 4_000}, "/a.png", "more than 4,000 bytes"),
        ({"total_bytes": 4_000}, "/a.png", "more than 4,000 bytes"),
        ({"file_s": 0.3}, "/slow", "takes more than 0.3 s"),
        ({"total_s": 0}, "/a.png", "takes more than 0 s"),
        ({}, "/none", "HTTP 404"),
        ({}, "/short", "no usable answer"),
    ],
)
def test_every_limit_ends_the_download(make: Make, limits: dict[str, float], path: str, said: str) -> None:
    began = time.monotonic()
    with pytest.raises(DownloadError, match=said):
        make(**limits).get(f"http://img.example.com{path}")
    assert time.monotonic() - began < 60, "`/slow` itself never ends"


def test_bytes_count_over_all_files(make: Make) -> None:
    downloader = make(total_bytes=12_000)
    assert downloader.get("http://a.example/1") == downloader.get("http://a.example/2") == PICTURE
    with pytest.raises(DownloadError, match="more than"):
        downloader.get("http://a.example/3")

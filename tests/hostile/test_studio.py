"""The studio lets in the browser that it gave its address to, shows nothing else, and can change nothing."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.hostile import test_local_pages
from tests.hostile.test_local_pages import STRANGE
from tests.support.browser import open_browser
from tests.support.studio import SETTINGS, StudioProcess, open_studio, until

ATTACK = (
    """</script><script>top.hit=1</script>"'><img src=x onerror="top.hit=1">"""
    """<a href="javascript:top.hit=1">x</a>"""
)
PATHS = (
    "/", "/static/studio.js", "/phone/dom.js", "/events", "/data/campaigns", "/data/campaign?id=hello",
    "/shown?send=news&n=1", "/media/" + "0" * 64, "/page/plan", "/page/calendar", "/page/results",
)  # fmt: skip
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301"
    "0100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Campaigns that attack whoever looks at them."""
    folder = tmp_path_factory.mktemp("hostile")
    root = folder / "campaigns"
    root.mkdir()
    (root / "_settings.yaml").write_text(SETTINGS)
    (folder / "secret.png").write_bytes(PNG + b"outside")
    files = {
        "hello.yaml": {"filter": {"tag": ATTACK}, "msgtype": "text", "content": ATTACK},
        "news.yaml": {
            "filter": {"tag": "会员"},
            "msgtype": "mpnews",
            "content": {
                "articles": [
                    {
                        "title": ATTACK[:60],
                        "author": "<b>x</b>",
                        "digest": ATTACK,
                        "body": "news.html",
                        "cover": {"file": "cover.png"},
                        "content_source_url": "https://example.com/?<script>top.hit=1</script>",
                    }
                ]
            },
        },
        "outside.yaml": {"filter": {"tag": "会员"}, "msgtype": "image", "content": {"file": "../secret.png"}},
        "<img src=x onerror=top.hit=1>.yaml": {"filter": 3, "msgtype": ATTACK},
    }
    for name, data in files.items():
        (root / name).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    # What is lost of it is a warning; pictures of WeChat's own are kept, and not requested by the page.
    attack = ATTACK.replace("src=x", "src=cover.png alt=x")
    article = f'<p>秋茶</p><script>top.hit=1</script><p onclick="top.hit=1">{attack}</p>'
    (root / "news.html").write_text(article + '<img src="https://mmbiz.qpic.cn/x.png" alt="x">', "utf-8")
    (root / "cover.png").write_bytes(PNG)
    return folder


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[StudioProcess]:
    with open_studio(folder) as opened:
        yield opened


def ask(studio: StudioProcess, path: str, *, method: str = "GET", **headers: str | None) -> tuple[int, bytes]:
    """Ask with the cookie of a browser that was let in, and these headers; None leaves one out."""
    port = urlsplit(studio.url).port or 0
    cookies = "; ".join(f"{one.name}={one.value}" for one in studio.session.cookies)
    sent = {"Host": f"127.0.0.1:{port}", "Cookie": cookies}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    given = {
        name: value.format(port=port, other=port + 1) for name, value in sent.items() if value is not None
    }
    return test_local_pages.ask(studio.url, method, path, given)


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_shown(studio: StudioProcess, path: str) -> None:
    for cookie in (None, "", "campaign-studio=x", f"campaign-studio-{urlsplit(studio.url).port}=x"):
        assert ask(studio, path, Cookie=cookie) == (403, b"open the address that `campaign studio` printed\n")
    mark = "&" if "?" in path else "?"
    assert ask(studio, f"{path}{mark}token={'x' * 32}", Cookie=None)[0] == 403


def test_token_and_cookie_are_of_this_run_alone(studio: StudioProcess, folder: Path) -> None:
    (cookie,) = studio.session.cookies
    assert cookie.value not in studio.address
    assert len(studio.address.partition("token=")[2]) >= 32
    assert cookie.has_nonstandard_attr("HttpOnly")
    with open_studio(folder) as other:
        assert other.address.partition("token=")[2] != studio.address.partition("token=")[2]
        port = urlsplit(other.url).port
        assert ask(other, "/", Cookie=f"campaign-studio-{port}={cookie.value}")[0] == 403


@pytest.mark.parametrize("host", STRANGE)
def test_a_rebound_name_gets_nothing(studio: StudioProcess, host: str) -> None:
    token = studio.address.partition("/?")[2]
    for path in ("/", f"/?{token}", "/data/campaigns"):
        assert ask(studio, path, Host=host)[0] == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:{other}"},
        {"Origin": "http://localhost:{port}"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Dest": "iframe"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Dest": "script"},
    ],
)
def test_another_site_gets_nothing(studio: StudioProcess, path: str, headers: dict[str, str]) -> None:
    """A server on another port of this machine is another site, although cookies do not tell."""
    assert ask(studio, path, **headers)[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "PROPFIND"])
def test_nothing_can_be_written(studio: StudioProcess, method: str) -> None:
    assert {ask(studio, path, method=method)[0] for path in PATHS} == {405}


@pytest.mark.parametrize(
    "path",
    [
        "/media/../_settings.yaml", "/media/..%2f..%2fsecret.png", "/media/%2e%2e/%2e%2e/etc/passwd",
        "/media//etc/passwd", "/media/campaigns%2fcover.png", "/media/cover.png",
        "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/data.py", "/static//etc/passwd",
        "/phone/../routes.py", "/phone/..%2froutes.py", "/phone/inbox.css", "/phone/icon.svg",
        "/shown?send=../../x&n=1", "/shown?send=news&n=-1", "/shown?send=news&n=2",
        "/shown?send=%00&n=1", "/phone/bubbles.js",
        "/page/../app.py", "/page/plan.html", "/page/plan/..%2f..",
    ],
)  # fmt: skip
def test_no_path_leads_out(studio: StudioProcess, path: str) -> None:
    assert ask(studio, path)[0] in (404, 308)  # two slashes in a row lead to one


def test_only_files_that_a_message_shows_are_given(studio: StudioProcess, folder: Path) -> None:
    names = json.loads(ask(studio, "/data/campaigns")[1])["campaigns"]
    for one in names:
        assert ask(studio, f"/data/campaign?id={quote(one['id'])}")[0] == 200

    def status(path: Path) -> int:
        return ask(studio, f"/media/{hashlib.sha256(path.read_bytes()).hexdigest()}")[0]

    assert status(folder / "campaigns" / "cover.png") == 200
    assert status(folder / "secret.png") == 404
    assert status(folder / "campaigns" / "_settings.yaml") == 404
    assert status(folder / "campaigns" / "news.html") == 404
    (problem,) = json.loads(ask(studio, "/data/campaign?id=outside")[1])["problems"]
    assert problem["rule"] == "file-outside"


def test_a_link_into_the_machine_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "_settings.yaml").write_text(SETTINGS)
    (root / "card.yaml").write_text("filter: {tag: 会员}\nmsgtype: image\ncontent: {file: card.png}\n")
    (root / "card.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG + b"outside")
    with open_studio(tmp_path) as studio:
        assert studio.campaign("card")["sends"]
        (root / "card.png").unlink()
        (root / "card.png").symlink_to(tmp_path / "secret.png")
        until(lambda: studio.campaign("card")["stale"])
        assert studio.campaign("card")["problems"][0]["rule"] == "file-link"
        for path in (tmp_path / "secret.png", root / "card.png"):
            assert ask(studio, f"/media/{hashlib.sha256(path.read_bytes()).hexdigest()}")[0] == 404
        assert ask(studio, f"/media/{hashlib.sha256(PNG).hexdigest()}")[0] == 404


@pytest.mark.parametrize("path", ["/", "/shown?send=news&n=1", "/page/plan", "/data/campaigns"])
def test_every_answer_has_a_strict_policy(studio: StudioProcess, path: str) -> None:
    headers = studio.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'")
    assert "frame-ancestors" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert ("script-src" in policy) == (path in ("/", "/data/campaigns"))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.deep
@pytest.mark.optional_part
@pytest.mark.xdist_group("browser")
def test_hostile_campaigns_run_nothing(studio: StudioProcess) -> None:
    loaded = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    links = "return [...document.querySelectorAll('#campaigns a')].map((link) => link.href)"
    # In one script: between two, the page may have drawn other buttons.
    every_view = (
        "const buttons = () => document.querySelectorAll('#views button');"
        "for (let at = 0; at < buttons().length; at++) buttons()[at].click()"
    )
    with open_browser() as chrome:
        chrome.get(studio.address)
        until(lambda: chrome.find_elements("css selector", "#campaigns li"))
        for link in chrome.execute_script(links):
            chrome.get(link)
            until(lambda: chrome.find_element("css selector", "#facts").text)
            chrome.execute_script(every_view)
        for page in ("plan", "calendar", "results"):
            chrome.get(f"{studio.url}/#/{page}")
            until(lambda: chrome.find_elements("css selector", "#papers iframe:not(.coming)"))
        assert chrome.execute_script("return window.hit") is None
        assert [one for one in chrome.execute_script(loaded) if not one.startswith(studio.url)] == []
        assert [one["message"] for one in chrome.get_log("browser")] == []  # type: ignore[no-untyped-call]

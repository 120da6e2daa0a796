"""The database server dies under a run: what the run says, and what the next one does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.test_many_accounts import PICTURE
from tests.support.postgres_server import Server
from tests.support.shop import SENDALL, MakeShop, Shop
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode

pytestmark = pytest.mark.optional_part

LATENCY_S = 2.0
"""How long the sandbox holds the call during which the server dies."""
ADD_MATERIAL, MASS_GET = "material/add_material", "message/mass/get"
OK, UNKNOWN, UNREACHABLE = ExitCode.OK, ExitCode.UNKNOWN, ExitCode.LEDGER_UNREACHABLE


@contextmanager
def dead(server: Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """Two sends of one account, the first with a picture."""
    shop = make_shop("postgres")
    (shop.folder / "campaigns/a.png").write_bytes(PICTURE.read_bytes())
    picture = "filter: {tag: 会员}\nmsgtype: image\ncontent: {file: a.png}\n"
    shop.write(a=picture, b="filter: {tag: 会员}\nmsgtype: text\ncontent: 晚上好\n")
    return shop


def dies_during(endpoint: str, *words: str, shop: Shop, server: Server) -> tuple[int, str]:
    """Run a command whose server dies while a call of WeChat is under way, and stays dead until it ends."""
    shop.sandbox.fault(endpoint=endpoint, kind="latency", latency_s=LATENCY_S)
    process = shop.begin(*words)
    until(lambda: not shop.sandbox.control("GET", "faults")["faults"])
    with dead(server):
        out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, out + err


def calls(shop: Shop, endpoint: str) -> int:
    return sum(one["path"] == f"/cgi-bin/{endpoint}" for one in shop.sandbox.requests())


@pytest.mark.parametrize(
    ("endpoint", "code", "results", "made", "uploads"),
    [
        ("tags/get", UNREACHABLE, {"a": "not_sent", "b": "not_sent"}, 0, 1),
        (ADD_MATERIAL, UNREACHABLE, {"a": "not_sent", "b": "skipped"}, 0, 2),
        (SENDALL, UNKNOWN, {"a": "unknown", "b": "skipped"}, 1, 1),
    ],
    ids=["while it plans", "while it uploads", "between intent and result"],
)
def test_apply_whose_server_dies(
    endpoint: str, code: int, results: dict[str, str], made: int, uploads: int, shop: Shop, server: Server
) -> None:
    """Nothing is called without its intent; the next run finds out about the call in hand, and goes on."""
    found, said = dies_during(endpoint, "apply", "--auto-approve", "-o", "json", shop=shop, server=server)
    rows = {row["id"]: row for row in json.loads(said[said.index("{") : said.rindex("}") + 1])["outcomes"]}
    assert {name: row["result"] for name, row in rows.items()} == results
    assert (found, len(shop.sandbox.jobs())) == (code, made)
    assert shop.apply() == OK
    assert sorted(job["msgtype"] for job in shop.sandbox.jobs()) == ["image", "text"], "each once"
    assert calls(shop, ADD_MATERIAL) == uploads
    assert shop.run("plan", "--detailed-exitcode")[0] == OK, "nothing is left"


def test_commands_while_the_server_is_dead(shop: Shop, server: Server) -> None:
    """None sends or stops anything, and each says so by the same code."""
    with dead(server):
        for words in ("apply --auto-approve", "plan", "status", "hold main --reason x", "doctor"):
            assert shop.run(*words.split())[0] == UNREACHABLE, words
    assert (shop.posts(), shop.apply(), len(shop.sandbox.jobs())) == (0, OK, 2)


def test_status_whose_server_dies_shows_what_wechat_answered(shop: Shop, server: Server) -> None:
    """What could not be recorded is asked again."""
    assert shop.apply() == OK
    found, said = dies_during(MASS_GET, "status", "-o", "json", shop=shop, server=server)
    rows = json.loads(said[said.index("{") : said.rindex("}") + 1])["sends"]
    assert (found, [row["status"] for row in rows], "not recorded" in said) == (OK, ["sent", "sent"], True)
    for expected in (4, 4):
        assert shop.run("status")[0] == OK
        assert calls(shop, MASS_GET) == expected


def test_server_that_is_back_at_once_is_not_noticed(shop: Shop, server: Server) -> None:
    """A restart during a call: the result is written by a new connection."""
    shop.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=LATENCY_S)
    process = shop.begin("apply", "--auto-approve")
    until(lambda: not shop.sandbox.control("GET", "faults")["faults"])
    with dead(server):
        pass
    out, err = process.communicate(timeout=120)
    assert (process.returncode, len(shop.sandbox.jobs())) == (OK, 2), out + err

"""Forty accounts, two runners and one PostgreSQL; one secret is bad, one tag is wrong, one runner is killed.

`python -m pytest tests/acceptance/test_two_runners.py -s -m deep` prints the table that docs/trust.md shows.
"""

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping

import pytest

from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.threads import AT_A_TIME

pytestmark = [pytest.mark.optional_part, pytest.mark.deep]

APPIDS = {f"a{number}": f"wx{number:016x}" for number in range(0xC0, 0xC0 + 40)}
BAD_SECRET, WRONG_TAG = "a199", "a205"
EACH = 3
LATENCY_S = 0.15
KILLED_AFTER = 40
BAD, GOOD = ({"SECRET_BAD": digit * 32} for digit in "10")


@pytest.fixture
def runners(make_shop: MakeShop) -> tuple[Shop, Shop]:
    """Two clones of a folder, with a state of their own: two machines."""
    first, second = make_shop("postgres", begin=False), make_shop("postgres", "second", begin=False)
    seeds = [
        {"appid": appid, "kind": "service", "followers": 3, "tags": [] if name == WRONG_TAG else ["会员"]}
        for name, appid in APPIDS.items()
    ]
    first.sandbox.control("POST", "seed", {"accounts": seeds})
    file = first.folder / "campaigns/_settings.yaml"
    head = file.read_text(encoding="utf-8").partition("    accounts:")[0]
    lines = []
    for name, appid in APPIDS.items():
        variable = "SECRET_BAD" if name == BAD_SECRET else "WECHAT_MAIN_SECRET"
        keys = f"kind: service, appid: {appid}, labels: [retail], secret: {{env: {variable}}}"
        lines.append(f"      {name}: {{{keys}}}\n")
    file.write_text(f"{head}    accounts:\n{''.join(lines)}", encoding="utf-8")
    each = "for_each: {accounts: {label: retail}}\n"
    first.write(**{f"s{n}": campaign_file(f"第{n}封，给 {{{{ account.name }}}}", each) for n in range(EACH)})
    shutil.rmtree(second.folder / "campaigns")
    shutil.copytree(first.folder / "campaigns", second.folder / "campaigns")
    assert first.run("ledger", "init", **GOOD)[0] == ExitCode.OK
    return first, second


class Evening:
    """What went out, when, and with what exit codes."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.began = shop, time.monotonic()
        self.rows: list[tuple[str, ...]] = []

    def note(self, what: str, code: int, secrets: Mapping[str, str] = BAD) -> tuple[int, int]:
        """Write a row; how many messages are out, and how many the ledger has no outcome of."""
        seconds, sent = time.monotonic() - self.began, self.shop.texts()
        assert len(sent) == len(set(sent)), "nothing twice"
        said = self.shop.run("status", "-o", "json", **secrets)[1]
        unknown = sum(row["status"] == "unknown" for row in json.loads(said.splitlines()[0])["sends"])
        self.rows.append((f"{seconds:.1f}", what, str(code), str(len(sent)), str(unknown)))
        return len(sent), unknown

    def table(self) -> str:
        head = "| s | what happened | exit code | messages out | unknown |\n|---|---|---|---|---|\n"
        return head + "".join(f"| {' | '.join(row)} |\n" for row in self.rows)


def results(said: str) -> Counter[tuple[str, str]]:
    line = next(line for line in said.splitlines() if line.startswith("{"))
    return Counter((row["result"], row["code"]) for row in json.loads(line)["outcomes"])


def test_evening_of_forty_accounts(runners: tuple[Shop, Shop]) -> None:
    first, second = runners
    evening, apply = Evening(first), ("apply", "--auto-approve", "--quiet", "-o", "json")
    late = {"kind": "latency", "latency_s": LATENCY_S, "times": None}
    first.sandbox.fault(endpoint=SENDALL, **late)
    killed, other = first.begin(*apply, **BAD), second.begin(*apply, **BAD)
    until(lambda: first.posts() >= KILLED_AFTER)
    killed.kill()
    killed.communicate(timeout=60)
    evening.note("runner 1 is killed (SIGKILL)", killed.returncode)

    out, err = other.communicate(timeout=120)
    found, left = results(out), {("not_sent", "account_failed"): EACH, ("not_sent", "unresolved"): EACH}
    _sent, unknown = evening.note("runner 2 ends", other.returncode)
    assert 0 < unknown == found["unknown", "outcome_unknown"] <= AT_A_TIME, "the calls in hand, and no more"
    assert (other.returncode, err) == (ExitCode.UNKNOWN, ""), "what nobody knows is not passed over"
    assert left.items() <= found.items()
    assert sum(found.values()) == EACH * len(APPIDS), "each send is accounted for"

    code, said = first.run(*apply, **BAD)
    assert evening.note("runner 1, started again", code) == (EACH * (len(APPIDS) - 2), 0)
    assert results(said) == {("accepted", "accepted"): unknown, **left}
    assert code == ExitCode.WECHAT, "the worst of a bad secret and a wrong tag"
    code, said = second.run(*apply, **BAD)
    evening.note("runner 2, started again", code)
    assert (code, results(said)) == (ExitCode.WECHAT, left)

    tagged = {"appid": APPIDS[WRONG_TAG], "kind": "service", "tags": ["会员"]}
    first.sandbox.control("POST", "seed", {"accounts": [tagged]})
    for shop, what in ((first, "secret and tag are corrected: runner 1"), (second, "runner 2, once more")):
        code, _said = shop.run(*apply, **GOOD)
        assert (code, evening.note(what, code, GOOD)) == (ExitCode.OK, (EACH * len(APPIDS), 0))
    assert sorted(first.texts()) == sorted(f"第{n}封，给 {name}" for n in range(EACH) for name in APPIDS)
    sys.stdout.write(evening.table())

"""Many accounts, several machines: each run is about its part, and together they send everything once."""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.support.postgres_server import Server
from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from tests.support.source import ROOT
from wechat_campaigns.core.account_selection import AccountSelection
from wechat_campaigns.core.errors import ExitCode

NAMES = ("main", *(f"shop{number}" for number in range(2, 9)))
APPIDS = {name: f"wx{number:016x}" for number, name in enumerate(NAMES, 1)}
SECRETS = {f"SECRET_{name.upper()}": "0" * 32 for name in NAMES}
BY = pytest.mark.parametrize("by", ["file", "digest"])


@pytest.fixture
def fleet(make_shop: MakeShop) -> Shop:
    """Eight accounts with a send each; the secret of each is in a variable of its own."""
    shop = make_shop(begin=False)
    with_accounts(shop, APPIDS, "SECRET_{}")
    shop.write(**{f"to-{name}": campaign_file(name, f"account: {name}\n") for name in NAMES})
    assert shop.run("ledger", "init", **SECRETS)[0] == ExitCode.OK
    return shop


def with_accounts(shop: Shop, appids: dict[str, str], variable: str = "WECHAT_MAIN_SECRET") -> None:
    """Put these accounts in place of those of the shop, the secret of each in a variable."""
    accounts = (
        f"{name}: {{kind: service, appid: {appid}, secret: {{env: {variable.format(name.upper())}}}}}"
        for name, appid in appids.items()
    )
    file = shop.folder / "campaigns/_settings.yaml"
    head = file.read_text(encoding="utf-8").partition("    accounts:")[0]
    file.write_text(f"{head}    accounts: {{{', '.join(accounts)}}}\n", encoding="utf-8")
    seeds = [{"appid": one, "kind": "service", "followers": 5, "tags": ["会员"]} for one in appids.values()]
    shop.sandbox.control("POST", "seed", {"accounts": seeds})


def part(number: int, parts: int = 2) -> set[str]:
    """The accounts of a part."""
    selection = AccountSelection(shard=(number, parts))
    return {name for name in NAMES if selection.selects(APPIDS[name], [name])}


def secrets_of(names: set[str]) -> dict[str, str]:
    return {f"SECRET_{name.upper()}": "0" * 32 for name in names}


def end(runners: list[subprocess.Popen[str]]) -> None:
    """Wait for runs that all must succeed."""
    ended = [(one.communicate(timeout=120), one.returncode) for one in runners]
    assert {returned for _said, returned in ended} == {ExitCode.OK}, ended


def review(shop: Shop, *words: str) -> None:
    code, said = shop.run("plan", "--out", str(shop.plan_file), *words, **SECRETS)
    assert code == ExitCode.OK, said


def test_every_account_is_in_one_part_on_every_machine() -> None:
    assert sorted(name for number in (1, 2, 3) for name in part(number, 3)) == sorted(NAMES)
    assert part(1) == {"main", "shop2", "shop5"}


@BY
def test_two_runners_send_the_two_parts_of_one_reviewed_plan(fleet: Shop, by: str) -> None:
    """Each has the secrets of its own accounts alone; run again, nothing is sent twice."""
    review(fleet)
    for _again in range(2):
        runners = [
            fleet.begin(
                "apply", "--auto-approve", "--shard", f"{number}/2", "--jobs", "2", *fleet.reviewed(by),
                **secrets_of(part(number)),
            )
            for number in (1, 2)
        ]  # fmt: skip
        end(runners)
        assert Counter(fleet.texts()) == dict.fromkeys(NAMES, 1)


@pytest.mark.deep
@pytest.mark.optional_part
def test_pods_of_the_indexed_job_send_every_account_once(fleet: Shop, server: Server, tmp_path: Path) -> None:
    """The command and the variables of docs/ci, each pod with an empty state folder."""
    manifest = yaml.safe_load((ROOT / "docs/ci/kubernetes-fleet.yml").read_text(encoding="utf-8"))
    job = manifest["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    given = {one["name"]: one.get("value", "from a secret") for one in container["env"]}
    assert given.pop("PGHOST") == "DATABASE_HOST"
    file = fleet.folder / "campaigns/_settings.yaml"
    text = re.sub("    ledger: .*", "    ledger: postgresql:///campaigns", file.read_text(encoding="utf-8"))
    file.write_text(
        text.replace(" shop\n", " production\n").replace(" shop:\n", " production:\n"), encoding="utf-8"
    )
    environ = {**fleet.environment, **SECRETS, **given, "PGHOST": server.host}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"

    def pod(index: int, *words: str) -> subprocess.Popen[str]:
        state = tempfile.mkdtemp(dir=tmp_path)
        return subprocess.Popen(
            words or [*container["command"], *container["args"]], cwd=fleet.folder, text=True,
            env={**environ, "CAMPAIGN_STATE_DIR": state, "JOB_COMPLETION_INDEX": str(index)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    with server.database("campaigns"):
        end([pod(0, "campaign", "ledger", "init", "--env", "production")])
        for _again in range(2):
            end([pod(index) for index in range(job["completions"])])
            assert Counter(fleet.texts()) == dict.fromkeys(NAMES, 1)


@BY
def test_a_reviewed_plan_of_a_part_sends_that_part_alone(fleet: Shop, by: str) -> None:
    """With any other selection it is refused: nobody reviewed what that one would send."""
    review(fleet, "--shard", "1/2")
    rows = {row["account"]["name"] for row in json.loads(fleet.plan_file.read_text())["sends"]}
    assert rows == part(1)
    for other in ((), ("--shard", "2/2"), ("--accounts", "shop*"), ("--accounts", "main")):
        code, said = fleet.run("apply", "--auto-approve", *fleet.reviewed(by), *other, **SECRETS)
        assert (code, fleet.posts()) == (ExitCode.POLICY, 0), said
    code, said = fleet.run("apply", "--auto-approve", *fleet.reviewed(by), "--shard", "1/2", **SECRETS)
    assert (code, set(fleet.texts())) == (ExitCode.OK, part(1)), said


@BY
def test_part_of_a_reviewed_plan_is_not_sent_once_another_part_changed(fleet: Shop, by: str) -> None:
    review(fleet)
    fleet.edit("to-shop3", "content: shop3", "content: 今晚八点")
    words = ("--auto-approve", "--accounts", "main", *fleet.reviewed(by))
    code, said = fleet.run("apply", *words, **SECRETS)
    assert (code, fleet.posts()) == (ExitCode.POLICY, 0)
    assert ("to-shop3" in said) is (by == "file")


def test_a_resend_is_left_to_the_run_that_is_about_its_account(fleet: Shop) -> None:
    fleet.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    main = ("apply", "--auto-approve", "--accounts", "main")
    assert fleet.run(*main, **SECRETS)[0] == ExitCode.UNKNOWN
    code, made = fleet.data("apply", "--auto-approve", "--accounts", "shop?", **SECRETS)
    sent = {row["id"]: row["result"] for row in made["outcomes"]}
    assert (code, sent) == (ExitCode.OK, {f"to-{name}": "accepted" for name in NAMES if name != "main"})
    assert fleet.run(*main, **SECRETS)[0] == ExitCode.OK
    assert Counter(fleet.texts()) == dict.fromkeys(NAMES, 1)


def test_plan_status_and_doctor_are_about_the_accounts_selected(fleet: Shop) -> None:
    code, plan = fleet.data("plan", "--accounts", "shop[23]", **SECRETS)
    assert (code, [row["id"] for row in plan["sends"]]) == (ExitCode.OK, ["to-shop2", "to-shop3"])
    code, said = fleet.run("plan", "--accounts", "shop[23]", "--shard", "1/2", **SECRETS)
    assert "campaign apply --accounts 'shop[23]' --shard 1/2" in said
    assert fleet.run("apply", "--auto-approve", **SECRETS)[0] == ExitCode.OK
    before = len(fleet.sandbox.requests())
    code, status = fleet.data("status", "--accounts", "shop2", SECRET_SHOP2="0" * 32)
    assert (code, [row["id"] for row in status["sends"]]) == (ExitCode.OK, ["to-shop2"])
    asked = [one["path"] for one in fleet.sandbox.requests()[before:]]
    assert asked.count("/cgi-bin/message/mass/get") == 1
    code, found = fleet.data("doctor", "--accounts", "shop2", SECRET_SHOP2="0" * 32)
    named = {name for name in NAMES for row in found["checks"] if name in row["name"]}
    assert (code, named) == (ExitCode.OK, {"shop2"})


@pytest.mark.parametrize("words", [["plan"], ["apply", "--auto-approve"], ["status"], ["doctor"]])
def test_a_run_has_few_files_open_however_many_its_accounts(make_shop: MakeShop, words: list[str]) -> None:
    """A process may have 1,024 on many machines; a connection of each account would be as many."""
    shop, names = make_shop(begin=False), [f"shop{number}" for number in range(100)]
    with_accounts(shop, {name: f"wx{number:016d}" for number, name in enumerate(names, 100)})
    shop.write(**{f"to-{name}": campaign_file(name, f"account: {name}\n") for name in names})
    shop.succeed("ledger", "init")
    if words == ["status"]:
        shop.succeed("apply", "--auto-approve")
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -n 128; exec "$@"', "sh", sys.executable, *shop.start, *words],
        cwd=shop.folder, env=shop.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr


def test_a_part_is_asked_the_rules_about_all_accounts(fleet: Shop) -> None:
    """Else many jobs could send what no single one may."""
    fleet.write(**{f"to-{name}": campaign_file("早", f"account: {name}\n") for name in NAMES})
    file = fleet.folder / "campaigns/_settings.yaml"
    rule = "policy: {same_content_accounts: 7}\n"
    file.write_text(f"{rule}{file.read_text(encoding='utf-8')}", encoding="utf-8")
    for number in (1, 2):
        _code, plan = fleet.data("plan", "--shard", f"{number}/2", **SECRETS)
        found = {row["id"]: [one["rule"] for one in row["violations"]] for row in plan["sends"]}
        assert found == {f"to-{name}": ["same_content_accounts"] for name in part(number)}


@pytest.mark.parametrize(
    "words", [["--accounts", "shop9"], ["--shard", "0/2"], ["--shard", "3/2"], ["--shard", "2"]]
)
def test_selection_that_nothing_can_match_is_refused(fleet: Shop, words: list[str]) -> None:
    assert fleet.run("plan", "--offline", *words)[0] == ExitCode.USAGE

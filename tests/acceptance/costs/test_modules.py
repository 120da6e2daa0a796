"""What each command loads: imports cost time, and an editor runs `validate` on every save."""

import subprocess
import sys
from pathlib import Path

import pytest

from wechat_campaigns.cli.registry import MODULES

HEAVY = {
    "flask", "werkzeug", "lxml", "rich", "requests", "urllib3", "sqlite3", "psycopg", "jinja2", "jsonschema",
    "markdown_it", "pygments", "PIL", "subprocess", "asyncio", "concurrent.futures", "multiprocessing", "ssl",
}  # fmt: skip
PROGRAM = """
import sys
from wechat_campaigns.cli.main import run
code = run(sys.argv[1:])
print(code, *sys.modules, file=sys.stderr)
"""


def loaded(*arguments: str, cwd: Path) -> set[str]:
    """Run a command in a process of its own and list the modules it has loaded."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return set(modules)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    campaigns = tmp_path / "campaigns"
    campaigns.mkdir()
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ city }} 你好'\nvars: {city: 北京}\n"
    (campaigns / "sale.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_no_package(option: str, folder: Path) -> None:
    modules = loaded(option, cwd=folder)
    records = {"wechat_campaigns.core.model", "wechat_campaigns.core.settings", "wechat_campaigns.workspace"}
    assert not modules & (HEAVY | records | {"yaml", "jsonschema_rs"})


@pytest.mark.parametrize(
    ("words", "most"), [("--help", 20), ("--version", 25), ("validate", 68), ("plan --offline", 120)]
)
def test_a_command_loads_few_modules_of_ours(words: str, most: int, folder: Path) -> None:
    modules = loaded(*words.split(), cwd=folder)
    ours = ("wechat_article", "wechat_campaigns", "wechat_sandbox")
    assert len([name for name in modules if name.startswith(ours)]) <= most


def test_validate_loads_only_what_checks(folder: Path) -> None:
    modules = loaded("validate", cwd=folder)
    assert not modules & HEAVY
    packages = (
        "wechat_campaigns.wechat",
        "wechat_campaigns.ledger",
        "wechat_sandbox",
        "wechat_article.body",
        "wechat_campaigns.plan.plan",
    )
    assert not [name for name in modules if name.startswith(packages)]


def test_an_article_of_html_loads_nothing_of_markdown() -> None:
    program = "import sys, wechat_article.body; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"markdown_it", "pygments", "css_inline", "PIL", "emoji", "jinja2"}


def test_an_offline_plan_loads_no_network(folder: Path) -> None:
    """A plan of a real account without questions has nothing in memory that could ask one."""
    account = "{kind: service, appid: wx1234567890abcdef, secret: {env: NOWHERE}}"
    (folder / "campaigns/_settings.yaml").write_text(
        f"environments: {{production: {{api: https://api.weixin.qq.com, accounts: {{main: {account}}}}}}}\n"
    )
    modules = loaded("plan", "--offline", "--env", "production", cwd=folder)
    assert not modules & {"flask", "requests", "lxml", "psycopg", "jinja2", "jsonschema"}
    assert "wechat_campaigns.wechat.endpoints" not in modules


def test_a_rehearsal_that_draws_no_page_loads_what_draws_none(folder: Path) -> None:
    modules = loaded("plan", cwd=folder)
    assert "wechat_sandbox.server" in modules
    assert not modules & {"flask", "jinja2", "lxml", "psycopg", "jsonschema", "rich"}


def test_a_plan_file_is_read_without_what_explains_refusals(folder: Path) -> None:
    loaded("plan", "--out", "plan.json", cwd=folder)
    assert "jsonschema" not in loaded("apply", "--plan", "plan.json", "--auto-approve", cwd=folder)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("words", "families"),
    [
        ("--help", set()),
        ("--version", {"reference"}),
        ("ledger verify --help", {"ledger"}),
        ("schema", {"reference"}),
    ],
)
def test_only_the_family_that_runs_is_imported(words: str, families: set[str], tmp_path: Path) -> None:
    modules = loaded(*words.split(), cwd=tmp_path)
    assert {name for name in MODULES.values() if f"wechat_campaigns.cli.{name}" in modules} == families

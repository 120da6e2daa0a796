"""What a person types by mistake is answered with what to type."""

import errno
import os
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run(["init"])
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("apply plan.json", "`campaign apply --plan FILE`"),
        ("plan --ofline", "Did you mean '--offline'?"),
        ("archive --since 1.12.2026", "'1.12.2026' does not have the form YYYY-MM-DD"),
        ("calendar --month 13", "'13' does not have the form YYYY-MM"),
        ("apply --allow quiet=x", "this is not a rule that can be overridden"),
        ("apply --allow quiet_hours", "write `--allow quiet_hours=REASON`"),
        ("unhold main", "Add the reason, for example: `campaign unhold main --reason"),
        ("ledger settle sale --not-sent", "Add the reason, for example: `campaign ledger settle sale"),
        ("preview", "For example: `campaign preview sale --to 小李 --to 老王`"),
        ("aply", "did you mean `campaign apply`?"),
        ("send", "did you mean `campaign apply`?"),
        ("stop", "did you mean `campaign hold`?"),
        ("list", "did you mean `campaign plan`?"),
        ("report --campaign welcom", "did you mean `welcome`?"),
        ("ledger verfy", "did you mean `campaign ledger verify`?"),
        ("hold servce --reason x", "use one of: service, subscription, test"),
    ],
)
def test_a_mistake_is_answered_with_what_to_type(
    words: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words.split()) == ExitCode.USAGE
    assert answer in capsys.readouterr().err


def test_no_option_is_suggested_that_shares_only_a_few_letters(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pull", "--list"]) == ExitCode.USAGE
    assert "--quiet" not in capsys.readouterr().err


def test_plan_without_the_secret_offers_the_one_that_needs_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SHOP_SECRET", raising=False)
    account = "{kind: service, appid: wx1234567890abcdef, secret: {env: SHOP_SECRET}}"
    production = f"  production: {{api: 'https://api.weixin.qq.com', accounts: {{main: {account}}}}}\n"
    settings = Path("campaigns/_settings.yaml")
    text = settings.read_text(encoding="utf-8").replace("environments:\n", f"environments:\n{production}")
    settings.write_text(text, encoding="utf-8")
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
    Path("campaigns/sale.yaml").write_text(text, encoding="utf-8")
    assert run(["plan", "--env", "production"]) == ExitCode.SECRET
    assert "`campaign plan --offline --env production` needs no secret." in capsys.readouterr().err
    assert run(["plan", "--env", "production", "--offline"]) == ExitCode.OK


def test_what_is_listed_is_not_said_to_be_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    """`--all` is named only where it would show more."""
    run(["apply", "--auto-approve", "--quiet"])
    capsys.readouterr()
    run(["plan"])
    assert "--all" in capsys.readouterr().out
    run(["plan", "welcome"])
    assert "--all" not in capsys.readouterr().out


def test_a_page_of_several_messages_is_refused_with_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    entries = "for_each: {a: {filter: {tag: 北京}}, b: {filter: {tag: 上海}}}"
    Path("campaigns/two.yaml").write_text(f"msgtype: text\ncontent: 你好\n{entries}\n", encoding="utf-8")
    assert run(["render", "two", "--report", "html=two.html"]) == ExitCode.USAGE
    assert "use one of: two[a], two[b]" in capsys.readouterr().err
    assert run(["render", "two[a]", "--report", "html=two.html"]) == ExitCode.OK


@pytest.mark.parametrize("words", [["render", "welcome"], ["fmt"]])
def test_what_cannot_be_written_is_named_and_no_bug(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clone on a read-only share, or a file of somebody else: exit 64, with the file and the reason."""
    file = Path("campaigns/welcome.yaml")
    file.write_text(file.read_text(encoding="utf-8").replace("\n", "\r\n"), encoding="utf-8")

    open_file = os.open

    def refuse(path: str, flags: int, *more: int, **others: int) -> int:
        if "welcome" in str(path) and flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(errno.EACCES, "Permission denied")
        return open_file(path, flags, *more, **others)

    monkeypatch.setattr(os, "open", refuse)
    assert run(words) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "welcome" in told
    assert "Permission denied" in told
    assert "make the file and its folder writable" in told


def test_validate_counts_sends_only_when_it_read_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A file with an error may be many sends: "0 sends" of a folder with files would be untrue."""
    assert run(["validate"]) == ExitCode.OK
    assert capsys.readouterr().out == "1 send from campaigns: 0 errors, 0 warnings\n"
    Path("campaigns/sale.yaml").write_text("content: 你好\n", encoding="utf-8")
    assert run(["validate"]) == ExitCode.INVALID
    assert capsys.readouterr().out.splitlines()[-1] == "campaigns: 2 errors, 0 warnings"


@pytest.mark.parametrize("name", ["tea.mhtml", "tea.docx", "tea.md", "tea.yaml"])
def test_only_a_page_is_imported(name: str) -> None:
    """Another kind of file would become an article of its raw text."""
    Path(name).write_text("<html><body><p>茶</p></body></html>", encoding="utf-8")
    assert run(["import", name]) == ExitCode.USAGE
    assert not Path("campaigns/tea.yaml").exists()


def test_next_command_after_an_import_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    """The shell would read `(` and `&` of a page's name itself: the id has none."""
    Path("tea(1)&.html").write_text("<section><p>茶</p></section>", encoding="utf-8")
    assert run(["import", "tea(1)&.html"]) == ExitCode.OK
    assert "`campaign render tea-1`" in capsys.readouterr().out


def test_a_plan_shows_an_error_once(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path("campaigns/welcome.yaml")
    file.write_text(file.read_text(encoding="utf-8").replace("会员", "会圆", 1), encoding="utf-8")
    assert run(["plan"]) == ExitCode.INVALID
    assert capsys.readouterr().out.count("the account has no tag 会圆") == 1


def test_page_of_a_batch_can_be_opened_by_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"filter: {{openids: [{'o' + 'A' * 27}, {'o' + 'B' * 27}]}}\nmsgtype: text\ncontent: 你好\n"
    Path("campaigns/vip.yaml").write_text(text, encoding="utf-8")
    assert run(["render", "vip"]) == ExitCode.OK
    page = capsys.readouterr().err.split()[-1]
    assert "#" not in page
    assert Path(page).exists()


def test_rehearsal_starts_no_program_and_does_not_warn_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Path("campaigns/_settings.yaml")
    text = f"{settings.read_text(encoding='utf-8')}notify: [{{kind: command, command: [touch, told]}}]\n"
    settings.write_text(text, encoding="utf-8")
    assert run(["apply", "--auto-approve"]) == ExitCode.OK
    assert "notif" not in capsys.readouterr().err
    assert not Path("told").exists()

"""What a selection takes of a folder: campaigns by id or pattern, and single sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.run.plan import fits

SETTINGS = """\
namespace: shop
default_environment: test
environments:
  test: {api: sandbox}
"""
TASTING = """\
filter: {tag: 会员}
msgtype: text
for_each:
  beijing: {vars: {city: 北京}}
  xian: {vars: {city: 西安}}
content: "{{ city }}"
"""
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 今晚八点\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", f"{tmp_path}.state")
    folder = tmp_path / "messages"
    folder.mkdir()
    for name, text in {"_settings": SETTINGS, "tasting": TASTING, "sale": SALE, "tastinga": SALE}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["tasting[beijing]"], ["shop:tasting[beijing]"]),
        (["shop:Tasting[xian]", "sale"], ["shop:sale", "shop:tasting[xian]"]),
        (["tastin[fg]a"], ["shop:tastinga"]),
        (["tasting"], ["shop:tasting[beijing]", "shop:tasting[xian]"]),
    ],
)
def test_one_send_of_a_campaign_can_be_selected(
    words: list[str], ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--offline", "--dir", "messages", "-o", "json", *words]) == ExitCode.OK
    assert [send["id"] for send in json.loads(capsys.readouterr().out)["sends"]] == ids


def test_one_batch_is_asked_the_rules_with_its_whole_list(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "_settings.yaml").write_text(f"{SETTINGS}policy: {{max_recipients: 10000}}\n", encoding="utf-8")
    (folder / "vip.txt").write_text("".join(f"o{number:027}\n" for number in range(10_001)), encoding="utf-8")
    vip = SALE.replace("{tag: 会员}", "{openids: {file: vip.txt}}")
    (folder / "vip.yaml").write_text(vip, encoding="utf-8")
    for words, count in (["vip"], 2), (["vip#1"], 1):
        assert run(["plan", "--offline", "--dir", "messages", "-o", "json", *words]) == ExitCode.OK
        actions = [send["action"] for send in json.loads(capsys.readouterr().out)["sends"]]
        assert actions == ["blocked"] * count


@pytest.mark.usefixtures("folder")
def test_send_that_its_campaign_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--offline", "--dir", "messages", "tasting[paris]"]) == ExitCode.USAGE
    assert "shop:tasting[beijing]" in capsys.readouterr().err, "the hint lists those that there are"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", [["plan"], ["apply", "--auto-approve"], ["preview", "--to", "tester"]])
def test_an_empty_word_selects_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--dir", "messages", ""]) == ExitCode.USAGE
    assert "no campaign matches" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_the_next_command_names_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--dir", "messages", "tasting[xian]"]) == ExitCode.OK
    assert "campaign apply 'tasting[xian]' --dir messages" in capsys.readouterr().out


def test_an_id_is_taken_with_its_namespace(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fmt", "--dir", "messages", "shop:sale"]) == ExitCode.OK
    assert (folder / "sale.yaml").read_text(encoding="utf-8").startswith("# yaml-language-server")
    assert run(["new", "--dir", "messages", "--tag", "会员", "shop:tea"]) == ExitCode.OK
    assert (folder / "tea.yaml").is_file()
    assert run(["new", "--dir", "messages", "--tag", "会员", "other:tea"]) == ExitCode.USAGE


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("sale", {"sale", "sale[a]", "sale[a]#2"}),
        ("sale*", {"sale", "sale[a]", "sale[a]#2", "sales", "salea"}),
        ("sale[a]", {"sale[a]", "sale[a]#2"}),
        ("sale[*]", {"sale[a]"}),
        ("SALE?", {"sales", "salea"}),
        ("shop", {"shop/sale"}),
        ("shop/*", {"shop/sale"}),
        ("sal", set()),
    ],
)
def test_a_word_means_sends_of_the_ledger(wanted: str, meant: set[str]) -> None:
    ids = ("sale", "sale[a]", "sale[a]#2", "sales", "salea", "shop/sale")
    assert {one for one in ids if fits(wanted, one)} == meant

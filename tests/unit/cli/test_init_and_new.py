"""What `campaign init` and `campaign new` write can be used at once, and nothing is overwritten."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.source.scaffold import PLACEHOLDERS, starter
from wechat_campaigns.source.schema import schema_text


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_repository_plans_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After `init` and nothing else there is something to send, to the sandbox."""
    assert run(["init"]) == ExitCode.OK
    assert run(["plan", "--detailed-exitcode"]) == ExitCode.PENDING
    assert "1 send to 36 followers" in capsys.readouterr().out
    assert run(["fmt", "--check"]) == ExitCode.OK


def test_init_leads_a_coding_agent(here: Path) -> None:
    assert run(["init"]) == ExitCode.OK
    assert "campaign validate" in (here / "AGENTS.md").read_text("utf-8")
    (skill,) = (here / ".agents" / "skills").glob("*/SKILL.md")
    lines = skill.read_text("utf-8").splitlines()
    assert lines[:2] == ["---", f"name: {skill.parent.name}"]
    assert lines[2].startswith("description: ")


def test_init_keeps_what_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / ".gitignore").write_text("mine\n")
    assert run(["init"]) == run(["init"]) == ExitCode.OK
    assert (here / ".gitignore").read_text() == "mine\n"
    assert "kept  .gitignore" in capsys.readouterr().out


def test_the_settings_are_explained_in_chinese_too(monkeypatch: pytest.MonkeyPatch) -> None:
    english = starter("none")["campaigns/_settings.yaml"]
    monkeypatch.setattr("wechat_campaigns.source.scaffold.current_language", lambda: "zh")
    chinese = starter("none")["campaigns/_settings.yaml"]
    assert "真实账号" in chinese
    assert "A real account" not in chinese

    def settings(text: str) -> object:
        return yaml.safe_load(re.sub(r"# (?=( *\w+:|  main:|quiet_hours))", "", text))

    assert settings(chinese) == settings(english)
    assert "production" in str(settings(english))


def test_the_schemas_are_those_of_this_version() -> None:
    files = starter("none")
    assert files["schema/campaign.schema.json"] == schema_text("campaign")
    assert files["schema/settings.schema.json"] == schema_text("settings")
    for name in (".vscode/settings.json", ".vscode/extensions.json"):
        assert json.loads(files[name])


def test_the_workflow_uses_the_action_named_on_either_usual_branch() -> None:
    text = starter("github", action="shop/tool@0123abc")[".github/workflows/campaigns.yml"]
    assert "uses: ./" not in text
    assert text.count("uses: shop/tool@0123abc\n") == 7
    workflow = yaml.load(text, yaml.BaseLoader)
    assert workflow["on"]["push"]["branches"] == ["main", "master"]
    assert "github.event.repository.default_branch" in workflow["jobs"]["review"]["if"]
    gitlab = starter("gitlab")[".gitlab-ci.yml"]
    assert "docs/pull-requests.md" not in gitlab, "that file is here, not in the reader's repository"


@pytest.mark.parametrize("action", ["", "shop/tool", "shop/tool@v1", "shop/tool@0123abc", f"tool@{'0' * 40}"])
def test_the_action_is_named_by_its_whole_commit(
    action: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--ci", "github", *(["--action", action] if action else [])]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert action in said
    assert "--action OWNER/REPOSITORY@COMMIT" in said
    assert not (here / "campaigns").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "following"),
    [
        (["init", "tea shop"], "Next: cd 'tea shop' && campaign plan"),
        (
            ["init", "shop", "--ci", "github", "--action", f"shop/tool/sub@{'0' * 40}"],
            "Next: cd shop && campaign plan",
        ),
        (["init", "shop", "--ci", "gitlab"], "environment `production` to shop/campaigns/_settings.yaml"),
    ],
)
def test_init_names_the_next_step(
    capsys: pytest.CaptureFixture[str], words: list[str], following: str
) -> None:
    assert run(words) == ExitCode.OK
    said = capsys.readouterr().out
    assert following in said
    assert ("pipeline" in said) is ("--ci" in words)


@pytest.mark.parametrize("msgtype", ["text", "mpnews", "mpvideo"])
def test_what_new_wrote_is_warned_of_until_it_is_replaced(
    here: Path, capsys: pytest.CaptureFixture[str], msgtype: str
) -> None:
    """A file that nobody finished would be sent by the next `apply` along with the others."""
    assert run(["new", "sale", "--msgtype", msgtype, "--tag", "新客"]) == ExitCode.OK
    capsys.readouterr()

    def warned() -> set[str]:
        run(["validate"])
        lines = capsys.readouterr().out.splitlines()
        return {line.partition(":")[0] for line in lines if line.endswith("[scaffold-text]")}

    files = [file for file in (here / "campaigns").rglob("*.*") if file.name != "_settings.yaml"]
    assert warned() == {file.relative_to(here).as_posix() for file in files}
    for file in files:
        text = file.read_text(encoding="utf-8")
        for placeholder in PLACEHOLDERS:
            text = text.replace(placeholder, "新茶到了")
        file.write_text(text, encoding="utf-8")
    assert warned() == set()


@pytest.mark.parametrize(
    ("options", "written", "missing"),
    [
        (["--msgtype", "mpnews"], ["tea.yaml", "tea/article.md"], ["campaigns/2026/tea/cover.jpg"]),
        (["--msgtype", "newspic"], ["tea.yaml"], ["campaigns/2026/tea/*.jpg"]),
        (["--msgtype", "voice"], ["tea.yaml"], ["campaigns/2026/tea/voice.mp3"]),
        ([], ["tea.yaml"], []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_new_writes_the_article_and_names_the_files_that_it_cannot_write(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], written: list[str], missing: list[str]
) -> None:
    assert run(["new", "2026/tea", *options, "-o", "json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["missing"] == missing
    folder = here / "campaigns/2026"
    assert sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*.*")) == written


def test_new_keeps_an_article_that_is_there(here: Path) -> None:
    article = here / "campaigns/tea/article.md"
    article.parent.mkdir(parents=True)
    article.write_text("桂花开了。", encoding="utf-8")
    assert run(["new", "tea", "--msgtype", "mpnews"]) == ExitCode.OK
    assert article.read_text(encoding="utf-8") == "桂花开了。"


def test_a_folder_that_cannot_be_made(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "campaigns").write_text("")
    assert run(["init"]) == ExitCode.USAGE
    assert "campaigns/_settings.yaml: cannot write the file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../x", "/x", "_x", "a/_b", ".x", "a/../b", "a b", "茶,水", "茶" * 100])
def test_an_id_that_is_none_is_refused(here: Path, name: str) -> None:
    assert run(["new", name]) == ExitCode.USAGE
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("known", ["tea.yaml", "tea.yml", "Tea.yaml"])
@pytest.mark.parametrize("name", ["tea", "TEA"])
def test_an_id_that_is_taken_is_refused(here: Path, known: str, name: str) -> None:
    """Also in another spelling: with both files no campaign of the folder could be sent."""
    (here / "campaigns").mkdir()
    (here / "campaigns" / known).write_text("msgtype: text\n")
    assert run(["new", name]) == ExitCode.USAGE
    assert [file.name for file in Path("campaigns").iterdir()] == [known]


@pytest.mark.parametrize("name", ["news/tea", "news/tea.yaml", "campaigns/news/tea.yml"])
def test_the_path_of_the_file_is_as_good_as_the_id(here: Path, name: str) -> None:
    assert run(["new", name]) == ExitCode.OK
    assert [file.as_posix() for file in Path("campaigns").rglob("*.y*ml")] == ["campaigns/news/tea.yaml"]


@pytest.mark.parametrize("words", ["new x", "plan", "ledger log"])
def test_below_the_campaigns_folder_the_way_up_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    run(["init"])
    monkeypatch.chdir("campaigns")
    assert run(words.split()) == ExitCode.USAGE
    assert "--dir ../campaigns" in capsys.readouterr().err
    assert sorted(entry.name for entry in Path().iterdir()) == ["_settings.yaml", "welcome.yaml"]


def test_a_name_that_yaml_would_read_as_a_boolean_stays_text(here: Path) -> None:
    assert run(["new", "x", "--tag", "no"]) == ExitCode.OK
    assert yaml.safe_load((here / "campaigns/x.yaml").read_text("utf-8"))["filter"] == {"tag": "no"}


def test_a_picture_post_a_draft_and_a_list(here: Path) -> None:
    def written(name: str, *words: str) -> dict[str, Any]:
        assert run(["new", name, *words]) == ExitCode.OK
        read: dict[str, Any] = yaml.safe_load((here / f"campaigns/{name}.yaml").read_text(encoding="utf-8"))
        return read

    market = written("market", "--msgtype", "newspic", "--tag", "会员")
    assert (market["msgtype"], market["content"]["newspic"]["images"]) == ("mpnews", "market/*.jpg")
    assert written("vip", "--openids", "members.xlsx")["filter"] == {"openids": {"file": "members.xlsx"}}
    assert written("2026/photos", "--msgtype", "image")["content"] == {"images": "photos/*.jpg"}


def test_the_path_of_a_list_is_checked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written as the campaign finds it, and a list that is not there is named."""
    run(["init"])
    (here / "campaigns/vip.txt").write_text("", encoding="utf-8")
    for name, written, expected in (
        ("a", "campaigns/vip.txt", "vip.txt"),
        ("2026/b", "campaigns/vip.txt", "../vip.txt"),
        ("2026/c", "../vip.txt", "../vip.txt"),
        ("2026/d", "vip.txt", "vip.txt"),
    ):
        capsys.readouterr()
        assert run(["new", name, "--openids", written, "--format", "json"]) == ExitCode.OK
        missing = json.loads(capsys.readouterr().out)["missing"]
        assert missing == (["campaigns/2026/vip.txt"] if name == "2026/d" else [])
        campaign = yaml.safe_load((here / f"campaigns/{name}.yaml").read_text("utf-8"))
        assert campaign["filter"]["openids"]["file"] == expected
    for written in ("../vip.txt", "/etc/hostname", "a\\b.txt"):
        assert run(["new", "e", "--openids", written]) == ExitCode.USAGE
    assert not (here / "campaigns/e.yaml").exists()


def test_the_first_campaign_is_for_the_sandbox_only(here: Path) -> None:
    run(["init"])
    welcome = yaml.safe_load((here / "campaigns/welcome.yaml").read_text("utf-8"))
    assert welcome["environments"] == ["sandbox"]


def test_new_takes_one_filter(here: Path) -> None:
    assert run(["new", "tea", "--tag", "a", "--to-all"]) == ExitCode.USAGE
    assert list(here.iterdir()) == []

"""Where the state lies on each system, and whose it is."""

from pathlib import Path

import pytest

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.files import ORIGIN, ready_state_folder, state_folder, state_home


@pytest.mark.parametrize(
    ("environ", "platform", "home"),
    [
        ({}, "linux", "{home}/.local/state/wechat-campaigns"),
        ({"XDG_STATE_HOME": "/x"}, "linux", "/x/wechat-campaigns"),
        ({"XDG_STATE_HOME": "x"}, "linux", "{home}/.local/state/wechat-campaigns"),
        ({"XDG_STATE_HOME": "/x", "CAMPAIGN_STATE_DIR": "/y"}, "linux", "/y"),
        ({}, "darwin", "{home}/Library/Application Support/wechat-campaigns"),
    ],
)
def test_state_folder_follows_each_system(environ: dict[str, str], platform: str, home: str):
    assert state_home(environ, platform) == Path(home.format(home=Path.home()))


def test_a_relative_folder_is_refused():
    """It would be another one in each working directory."""
    with pytest.raises(UsageError):
        state_home({"CAMPAIGN_STATE_DIR": "state"})


def test_the_folder_names_its_campaigns(tmp_path: Path):
    environ = {"CAMPAIGN_STATE_DIR": str(tmp_path / "state")}
    roots = [tmp_path / name / "campaigns" for name in ("shop", "店 铺", "..shop")]
    folders = set()
    for root in roots:
        root.mkdir(parents=True)
        folder = ready_state_folder(root, environ)
        assert (folder / ORIGIN).read_text(encoding="utf-8") == f"{root}\n"
        assert folder == state_folder(root / ".." / "campaigns", environ)
        folders.add(folder.name.rpartition("-")[0])
        assert folder.parent == tmp_path / "state"
    assert folders == {"shop-campaigns", "店_铺-campaigns"}
    assert len([*(tmp_path / "state").iterdir()]) == 3


def test_state_folder_that_cannot_be_made_is_an_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as told:
        ready_state_folder(tmp_path, {"CAMPAIGN_STATE_DIR": str(tmp_path / "file" / "state")})
    assert "CAMPAIGN_STATE_DIR" in told.value.hint

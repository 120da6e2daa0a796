"""An openid that stands where a name goes is refused, and no report repeats it."""

from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ0"
FORMATS = ("text", "json", "markdown", "github")
SETTINGS = (
    "environments:\n  production:\n    accounts:\n"
    "      {account}: {{kind: service, appid: wx0000000000000001}}\n"
)
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 好\n"
PLACES = {
    "tag": {"sale": SALE.replace("会员", OPENID)},
    "tag-of-two-parts": {"sale": SALE.replace("会员", f"'{{{{ o }}}}{OPENID[1:]}'") + "vars: {o: o}\n"},
    "id": {OPENID: SALE},
    "part-of-an-id": {f"vip.{OPENID}": SALE},
    "for-each-key": {"sale": f"{SALE}for_each: {{{OPENID}: {{}}, b: {{}}}}\n"},
    "formerly": {"sale": f"{SALE}formerly: ['old[{OPENID}]']\n"},
    "account": {"sale": f"{SALE}account: {OPENID}\n"},
    "account-of-the-settings": {"sale": SALE, "_settings": SETTINGS.format(account=OPENID)},
    "environment": {"sale": SALE, "_settings": f"environments: {{{OPENID}: {{api: sandbox}}}}\n"},
    "owner": {"sale": f"{SALE}owner: {OPENID}\n"},
}


@pytest.mark.deep
@pytest.mark.parametrize("words", ["validate", *(f"plan --offline --format {f}" for f in FORMATS)])
@pytest.mark.parametrize("place", PLACES)
def test_an_openid_in_the_place_of_a_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    words: str,
) -> None:
    """Who puts it there would have it in the comment of the pull request."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "campaigns").mkdir()
    for name, text in PLACES[place].items():
        (tmp_path / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")
    code = run(words.split())
    captured = capsys.readouterr()
    assert OPENID not in captured.out + captured.err
    assert code == ExitCode.INVALID, captured.out + captured.err

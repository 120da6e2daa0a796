"""Seeds and the state they are planted in."""

import sqlite3
from pathlib import Path

import pytest

from wechat_campaigns.core.errors import UsageError
from wechat_sandbox import seeds
from wechat_sandbox.store import Store

APPID = "wx0000000000000001"


def test_invented_followers_are_always_the_same() -> None:
    people = list(seeds.invent(APPID, 200, list(seeds.TAGS)))
    assert people == list(seeds.invent(APPID, 200, list(seeds.TAGS)))
    assert len({person["openid"] for person in people}) == 200
    assert all(len(person["openid"]) == 28 and person["openid"].startswith("o") for person in people)
    assert max(len(person["tags"]) for person in people) == 3
    assert people[0]["wxname"] == "tester1"


def test_planting_twice_adds_nothing() -> None:
    store = Store(None)
    seed = {
        "accounts": [
            {"appid": "wx9", "tags": ["a"], "followers": [{"openid": "o1", "nickname": "x", "tags": ["a"]}]}
        ]
    }
    with store.transaction() as db:
        seeds.plant(db, seed, 0)
        seed["accounts"][0]["followers"][0]["nickname"] = "y"  # type: ignore[index]
        assert seeds.plant(db, seed, 0) == {"wx9": 1}
        assert [row[0] for row in db.execute("SELECT nickname FROM follower")] == ["y"]
    store.close()


@pytest.mark.parametrize(
    "seed",
    [
        {},
        {"accounts": [{"appid": "a", "colour": 1}]},
        {"accounts": [{"appid": "a", "kind": "x"}]},
        {"accounts": [{"appid": "a", "followers": -1}]},
        {"accounts": [{"appid": "a", "followers": [{"nickname": "x"}]}]},
        {"accounts": [{"appid": "a", "followers": [{"openid": "o", "tags": [3]}]}]},
        {"accounts": [{"appid": "a", "tags": [{"name": "x", "id": "y"}]}]},
        {"accounts": [{"appid": "a", "options": {"quota": 3}}]},
    ],
)
def test_a_wrong_seed_is_explained(seed: dict[str, object]) -> None:
    store = Store(None)
    with pytest.raises(ValueError, match=r"\w+ \w+"), store.transaction() as db:
        seeds.plant(db, seed, 0)
    store.close()


@pytest.mark.parametrize(("content", "line"), [("- a\n", ""), ("a:\nb: [", ":2"), ("\x00", "")])
def test_a_wrong_seed_file_is_a_usage_error(tmp_path: Path, content: str, line: str) -> None:
    file = tmp_path / "seed.yaml"
    file.write_text(content)
    with pytest.raises(UsageError) as raised:
        seeds.read(file)
    assert raised.value.location == f"{file}{line}"
    with pytest.raises(UsageError):
        seeds.read(tmp_path / "missing.yaml")


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "state.db")

    def fail() -> None:
        with store.transaction() as db:
            db.execute("INSERT INTO meta VALUES ('a', '1')")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with store.transaction() as db:
        assert db.execute("SELECT COUNT(*) FROM meta").fetchone()[0] == 0
    store.close()


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(b"not a database, but long enough to be taken for one" * 20)
    newer = tmp_path / "newer.db"
    db = sqlite3.connect(newer)
    db.execute("PRAGMA user_version = 99")
    db.close()
    for path in (other, newer, other / "state.db"):
        with pytest.raises(UsageError) as raised:
            Store(path)
        assert raised.value.location == str(path)
        assert "--state" in raised.value.hint

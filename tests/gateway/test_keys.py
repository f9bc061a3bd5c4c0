"""Keys of integrations: kept as hashes, shown once, and gone at once when they are taken away."""

import hmac
from pathlib import Path

import pytest

from streams.errors import WrongSettings
from streams.gateway.keys import KeyRing, add_key, read_keys, remove_key, sender_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "keys.toml"


def test_a_key_opens_what_it_was_made_for_and_stands_nowhere(path: Path) -> None:
    key = add_key(path, "watch-vendor", ("readings",), replace=False)
    other = add_key(path, "ehr", ("readings", "profiles"), replace=False)
    text = path.read_text()
    assert key not in text
    assert other not in text
    ring = KeyRing(path)
    sender = ring.sender(key)
    assert sender is not None
    assert (sender.name, sorted(sender.scopes)) == ("watch-vendor", ["readings"])
    for wrong in ("", key[:-1], key + "x", key.lower(), "\ud800", read_keys(path)["ehr"].sha256):
        assert ring.sender(wrong) is None


def test_every_hash_is_compared_in_constant_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [add_key(path, f"k-{number}", ("readings",), replace=False) for number in range(5)]
    compared, real = list[str](), hmac.compare_digest

    def compare(given: str, kept: str) -> bool:
        compared.append(kept)
        return real(given, kept)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    found = sender_of(made[0], read_keys(path))
    assert found is not None
    assert found.name == "k-0"
    assert len(compared) == 5


def test_a_key_is_taken_up_and_given_up_while_the_gateway_runs(path: Path) -> None:
    first = add_key(path, "a", ("readings",), replace=False)
    ring = KeyRing(path)
    second = add_key(path, "b", ("profiles",), replace=False)
    assert ring.sender(second) is not None
    remove_key(path, "a")
    assert ring.sender(first) is None
    again = add_key(path, "b", ("readings",), replace=True)
    assert ring.sender(second) is None
    assert ring.sender(again) is not None


def test_a_slip_of_the_pen_in_the_file_stops_nobody(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = add_key(path, "a", ("readings",), replace=False)
    ring = KeyRing(path)
    path.write_text(path.read_text() + "\n[keys")
    assert ring.sender(key) is not None
    assert "not TOML" in caplog.text
    path.unlink()
    assert ring.sender(key) is not None


def test_without_keys_it_says_how_to_make_one(path: Path) -> None:
    with pytest.raises(WrongSettings, match="homebeat gateway add-key NAME --scope readings"):
        KeyRing(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("keys = 7", "keys"),
        ('[keys.a]\nsha256 = "short"\nscopes = ["readings"]', "keys.a.sha256"),
        (f'[keys.a]\nsha256 = "{"0" * 64}"\nscopes = ["everything"]', "keys.a.scopes"),
        (f'[keys.a]\nsha256 = "{"0" * 64}"\nscopes = []', "keys.a.scopes"),
        (f'[keys."a b"]\nsha256 = "{"0" * 64}"\nscopes = ["readings"]', "a b"),
        ("[keys", "not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_the_place(path: Path, text: str, words: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(WrongSettings, match=words) as wrong:
        read_keys(path)
    assert str(path) in str(wrong.value)


def test_names_that_are_taken_or_odd_are_refused(path: Path) -> None:
    add_key(path, "a", ("readings",), replace=False)
    with pytest.raises(WrongSettings, match="--replace"):
        add_key(path, "a", ("readings",), replace=False)
    for odd in ("", "a b", 'a"]', "é", "-a", "a\n", "x" * 65):
        with pytest.raises(WrongSettings, match="no name for a key"):
            add_key(path, odd, ("readings",), replace=False)
    with pytest.raises(WrongSettings, match="no key of b"):
        remove_key(path, "b")
    assert list(read_keys(path)) == ["a"]


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="cannot be read"):
        read_keys(tmp_path)

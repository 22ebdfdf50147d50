import os
import subprocess
import sys
from pathlib import Path
from random import SystemRandom

import pytest

from carillon.tenancy.secrets import SecretBox, SecretKeyError, hash_secret, new_key_name, new_secret

SEAL = """
import sys
from pathlib import Path
from random import SystemRandom
from carillon.tenancy.secrets import SecretBox
sys.stdin.readline()
sys.stdout.write(SecretBox(Path(sys.argv[1])).seal("tower bell", context="a").hex())
"""


def test_secrets_are_long_plain_and_never_the_same() -> None:
    made = {new_secret(SystemRandom()) for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(secret) == 32 and secret.isalnum() and secret.isascii() for secret in made)
    assert len({new_key_name(SystemRandom()) for _ in range(1000)}) == 1000


def test_a_hash_is_sha_256() -> None:
    assert hash_secret("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_what_is_sealed_opens_with_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret.key"
    sealed = SecretBox(path).seal("tower bell", context="credential 1/2")
    assert b"tower bell" not in sealed
    assert SecretBox(path).open(sealed, context="credential 1/2") == "tower bell"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret.key"]


def test_sealing_twice_gives_two_texts(tmp_path: Path) -> None:
    box = SecretBox(tmp_path / "secret.key")
    assert box.seal("tower bell", context="a") != box.seal("tower bell", context="a")


def test_a_sealed_secret_is_void_in_another_context(tmp_path: Path) -> None:
    box = SecretBox(tmp_path / "secret.key")
    with pytest.raises(SecretKeyError):
        box.open(box.seal("tower bell", context="credential 1/2"), context="credential 1/3")


def test_a_derived_key_is_the_same_for_the_same_file_and_purpose_only(tmp_path: Path) -> None:
    keys = {
        SecretBox(tmp_path / name).derive(purpose)
        for name in ("a.key", "b.key", "a.key")
        for purpose in ("bells", "ropes")
    }
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert (tmp_path / "a.key").read_bytes() not in keys


@pytest.mark.parametrize("place", [0, 12, -1])
def test_a_sealed_secret_that_was_touched_does_not_open(tmp_path: Path, place: int) -> None:
    box = SecretBox(tmp_path / "secret.key")
    sealed = bytearray(box.seal("tower bell", context="a"))
    sealed[place] ^= 1
    with pytest.raises(SecretKeyError):
        box.open(bytes(sealed), context="a")


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path / "one.key").seal("tower bell", context="a")
    with pytest.raises(SecretKeyError, match="restore"):
        SecretBox(tmp_path / "two.key").open(sealed, context="a")


def test_a_key_file_that_others_may_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    SecretBox(path).seal("tower bell", context="a")
    path.chmod(0o640)
    with pytest.raises(SecretKeyError, match="chmod 600"):
        SecretBox(path).seal("tower bell", context="a")


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_file_that_is_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretKeyError):
        SecretBox(path).seal("tower bell", context="a")
    assert path.read_bytes() == content


def test_a_place_where_no_file_can_be_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SecretKeyError, match="can't be used"):
        SecretBox(tmp_path / "file" / "secret.key").seal("tower bell", context="a")


def test_processes_that_make_the_key_at_once_end_with_the_same(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    processes = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", SEAL, os.fspath(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    sealed = [process.communicate(timeout=60)[0] for process in processes]
    assert {SecretBox(path).open(bytes.fromhex(one), context="a") for one in sealed} == {"tower bell"}

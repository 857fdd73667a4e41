"""Files appear whole or not at all, and a failure to write is one sentence."""

import hashlib

import pytest

from speechlip.errors import WriteError
from speechlip.files.stamps import sha256_of
from speechlip.files.writing import whole_file, write_text


def test_a_file_that_fails_half_way_never_appears(tmp_path):
    with pytest.raises(RuntimeError), whole_file(tmp_path / "x.tar") as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_says_so_and_what_to_do(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "folder.txt" / "full").touch()
    with pytest.raises(WriteError, match=r"cannot write .*folder.txt.*run the same command again"):
        write_text(tmp_path / "folder.txt", "words")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.txt"]


def test_the_hash_is_that_of_the_content(tmp_path):
    content = bytes(range(256)) * 9000  # more than two blocks
    (tmp_path / "x").write_bytes(content)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()

"""Files that other processes read: they see the old content or the new, never half of it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.settings import Settings, write_whole


@contextmanager
def _room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: what is longer fails half-way, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("content", "stored"), [("größer\n", "größer\n".encode()), (b"\0\xff", b"\0\xff")])
def test_text_and_bytes_take_the_place_of_what_was_there(tmp_path, content, stored):
    path = tmp_path / "new" / "folder" / "file.json"
    for _ in range(2):
        write_whole(path, content)
        assert path.read_bytes() == stored
        assert list(path.parent.iterdir()) == [path]
        path.write_text("old")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("content", ["0123456789", b"0123456789"])
def test_a_write_that_fails_half_way_leaves_what_was_there_and_nothing_else(tmp_path, content, there):
    path = tmp_path / "file"
    if there:
        path.write_text("old")
    with _room_for(4), pytest.raises(OSError, match="File too large"):
        write_whole(path, content)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == ({"file": "old"} if there else {})


def test_what_cannot_be_put_into_its_place_leaves_nothing_else(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", "text")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "new" / "file", "half a letter: \ud83d")
    assert list(tmp_path.rglob("*")) == [tmp_path / "folder"]


def test_a_file_that_is_kept_stays(tmp_path):
    for content in ("first", "second"):
        write_whole(tmp_path / "file", content, keep=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "first"}


def test_the_seed_is_one_number_that_nobody_else_may_read(tmp_path):
    settings = Settings(root=tmp_path, work=tmp_path / "work")
    assert settings.seed == settings.seed
    assert [path.name for path in Path(settings.folder).iterdir()] == ["seed"]
    assert (settings.folder / "seed").stat().st_mode & 0o777 == 0o600


def test_of_two_processes_that_make_a_seed_the_first_decides(tmp_path, monkeypatch):
    settings = Settings(root=tmp_path, work=tmp_path / "work")

    def draw(_bits: int) -> int:
        write_whole(settings.folder / "seed", "17")  # another process is done before this one
        return 18

    monkeypatch.setattr("autograder.settings.secrets.randbits", draw)
    assert settings.seed == 17

"""Results of earlier runs hold until any code that may change them does."""

import shutil
from pathlib import Path

from autograder.running.cache import surroundings


def code(package: Path) -> set[Path]:
    """The package's own code: neither what was handed in nor the sample submissions."""
    data = (package / "work", package / "demo" / "bank")
    return {path for path in package.rglob("*.py") if not any(path.is_relative_to(folder) for folder in data)}


def test_all_code_of_the_package_and_of_the_library_counts(root, monkeypatch):
    read, really = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or really(path))
    surroundings.__wrapped__()
    wanted = code(root / "autograder") | set((root / "course").rglob("*.py"))
    assert wanted >= set(read)
    assert wanted <= set(read), "a change of these files would leave earlier results as they are"


def test_a_change_in_any_room_counts_and_what_students_hand_in_does_not(root, tmp_path, monkeypatch):
    package = tmp_path / "autograder"
    shutil.copytree(root / "autograder", package, ignore=shutil.ignore_patterns("work", "__pycache__"))
    monkeypatch.setattr("autograder.running.cache.PACKAGE", package)
    before = surroundings.__wrapped__()
    for name in ("work/submitted/s01/tiny/helper.py", "work/demo/a.py", "demo/bank/01_graphs/another.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("x = 1")
    assert surroundings.__wrapped__() == before
    rooms = {path.relative_to(package).parent for path in code(package)}
    assert len(rooms) >= 10
    for room in rooms:
        (package / room / "new.py").write_text("")
        assert surroundings.__wrapped__() != before, room
        (package / room / "new.py").unlink()
    one = package / "sandbox" / "host.py"
    one.rename(package / "sandbox" / "guest.py")
    assert surroundings.__wrapped__() != before, "a file has another name"

"""The project tells one story: packages, versions, licenses, notebooks and commands agree."""

import importlib.metadata
import json
import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


def tracked(root, pattern="*"):
    """Files that git tracks; every file where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", pattern], cwd=root, capture_output=True, text=True, check=False
    )
    return [root / name for name in listed.stdout.splitlines() if (root / name).exists()] or list(
        root.rglob(pattern)
    )


def as_requirements(lines):
    return {(canonicalize_name(r.name), str(r.specifier)) for r in map(Requirement, lines)}


def test_environment_yml_says_what_pyproject_says(root, project):
    environment = yaml.safe_load((root / "environment.yml").read_text())
    assert environment["name"] == project["name"]
    assert environment["channels"] == ["conda-forge"]
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert conda == [f"python{project['requires-python']}", "pip"]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    options = [line for line in pip if line.startswith("--")]
    assert options == ["--constraint constraints.txt", "--editable ."]
    assert as_requirements(line for line in pip if not line.startswith("--")) == as_requirements(
        project["dependencies"]
    )


def test_extras(project):
    assert set(project["optional-dependencies"]) == {"grade", "cluster", "postgres", "present", "docs", "dev"}


def test_constraints_pin_every_requirement_within_its_range(root, project):
    pins = {
        canonicalize_name(r.name): r.specifier
        for r in map(
            Requirement,
            (line for line in (root / "constraints.txt").read_text().splitlines() if line[:1] not in "#"),
        )
    }
    assert all(len(pin) == 1 and str(pin).startswith("==") for pin in pins.values())
    assert str(pins["torch"]) == "==2.13.0"
    wanted = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    for requirement in map(Requirement, wanted):
        if requirement.name == project["name"]:
            continue
        version = str(pins[canonicalize_name(requirement.name)]).removeprefix("==")
        assert requirement.specifier.contains(version), f"{requirement} does not admit the pinned {version}"


def test_the_tested_versions_are_the_running_ones(root):
    for line in (root / "constraints.txt").read_text().splitlines():
        if line.startswith(("torch==", "nbgrader==", "jupyterlab==", "anywidget==")):
            name, version = line.split("==")
            assert importlib.metadata.version(name).split("+")[0] == version


def test_torch_from_2_6_is_accepted(project):
    (torch,) = [Requirement(line) for line in project["dependencies"] if line.startswith("torch")]
    assert torch.specifier.contains("2.6.0")
    assert not torch.specifier.contains("2.5.1")


def test_version_is_the_same_everywhere(root):
    import course

    assert yaml.safe_load((root / "CITATION.cff").read_text())["version"] == course.__version__
    assert importlib.metadata.version("modular-learning") == course.__version__


def test_licenses(root, project):
    assert (root / "LICENSE").read_text().startswith("BSD 3-Clause License")
    assert "CC BY 4.0" in (root / "LICENSE-NOTEBOOKS").read_text()
    assert project["license"] == "BSD-3-Clause AND CC-BY-4.0"


def test_notebooks_are_committed_without_outputs(root):
    notebooks = tracked(root, "*.ipynb")
    assert len(notebooks) >= 3
    for path in notebooks:
        for cell in json.loads(path.read_text())["cells"]:
            assert not cell.get("outputs"), f"{path.name} has outputs: make format"
            assert cell.get("execution_count") is None, f"{path.name} has execution counts: make format"


def test_no_path_of_one_machine_is_committed(root):
    pattern = re.compile(r"(?<![\w.])/(root|home|Users)/\w+")
    for path in tracked(root):
        if (
            path.suffix in {".py", ".md", ".ipynb", ".toml", ".yml", ".txt", ".js", ".sh"}
            and path != root / "tests/test_project.py"
        ):
            assert not pattern.search(path.read_text(encoding="utf-8")), path


def test_ci_runs_the_readme_s_test_command(root):
    readme = (root / "README.md").read_text()
    assert re.search(r"^make test\b", readme, re.MULTILINE)
    assert (root / ".ci/run").read_text().rstrip().endswith("\nmake lint\nexec make test")
    commands = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE)
    for command in re.findall(
        r"(?:^|`)make "
        r"([a-z-]+)",
        readme + (root / "CONTRIBUTING.md").read_text(),
        re.MULTILINE,
    ):
        assert command in commands


def test_links_in_the_readme_lead_somewhere(root):
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (root / name).read_text()):
            assert (root / target).exists(), f"{name} links to {target}"


def test_course_knows_nothing_of_the_autograder(root):
    """Arrows between rooms run one way."""
    for path in (root / "course").rglob("*.py"):
        assert not re.search(
            r"^\s*(from|import) "
            r"(autograder|nbgrader)\b",
            path.read_text(),
            re.MULTILINE,
        ), path
    for room in ("modules", "containers", "checking", "module.py", "gradients.py", "checks.py"):
        files = [root / "course" / room] if room.endswith(".py") else (root / "course" / room).rglob("*.py")
        for path in files:
            assert not re.search(
                r"^\s*(from|import) "
                r"course\.(figures|explorer|exercises)",
                path.read_text(),
                re.MULTILINE,
            ), path


def test_the_readmes_example_runs(root, capsys):
    first, second = re.findall(
        r"```python\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), flags=re.S
    )
    names: dict = {}
    exec(first, names)
    assert names["value"].item() < 0.1
    assert names["net"](names["x"]).argmax(dim=1).tolist() == [0, 1, 1, 0]
    assert "total" in capsys.readouterr().out
    exec(second, names)
    shown = re.findall(r"```\n(Layer\n.*?)```", (root / "README.md").read_text(encoding="utf-8"), flags=re.S)[
        0
    ]
    said = re.sub(r"is -?[0-9.e-]+ at .* \(4", "is … (4", capsys.readouterr().out)
    for line in shown.replace("…\n", "").strip().splitlines():
        assert line in said.splitlines()


def test_what_a_reader_opens_first_is_read_in_one_sitting(root):
    """The contract of all modules, and the files beside the autograder's rooms."""
    assert len((root / "course" / "module.py").read_text(encoding="utf-8").splitlines()) <= 250
    assert len([*(root / "autograder").glob("*.py")]) <= 8

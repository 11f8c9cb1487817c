"""The `autograder` command."""

import importlib.util
import sys


def main() -> None:
    """Run the command line, or say in one line what is missing for it."""
    missing = [name for name in ("typer", "rich", "nbgrader") if importlib.util.find_spec(name) is None]
    if missing:
        cure = 'pip install "modular-learning[grade]"'
        print(f"autograder: {' and '.join(missing)} not installed in {sys.prefix}: {cure}", file=sys.stderr)
        raise SystemExit(2)
    import autograder.quick_imports  # noqa: F401
    from autograder.cli import app

    app(prog_name="autograder")


if __name__ == "__main__":
    main()

"""The `autograder` command."""

import importlib.util
import os
import sys

from autograder.address import VARIABLE, has_password


def main() -> None:
    """Run the command line, or say in one line what is missing for it."""
    missing = [name for name in ("typer", "rich", "nbgrader") if importlib.util.find_spec(name) is None]
    if missing:
        cure = 'pip install "modular-learning[grade]"'
        print(f"autograder: {' and '.join(missing)} not installed in {sys.prefix}: {cure}", file=sys.stderr)
        raise SystemExit(2)
    _hide_password()
    import autograder.running.quick_imports  # noqa: F401
    from autograder.cli import app

    app(prog_name="autograder")


def _hide_password() -> None:
    """Start anew without the gradebook's password in the arguments, which all on this computer can read."""
    arguments, kept = list(sys.orig_argv), []
    while arguments:
        argument = arguments.pop(0)
        option, given, address = argument.partition("=")
        if option == "--db" and not given and arguments:
            address = arguments.pop(0)
        if option == "--db" and has_password(address):
            os.environ[VARIABLE] = address
        else:
            kept += [argument, address] if option == "--db" and not given else [argument]
    if kept != sys.orig_argv:
        os.execv(sys.executable, [sys.executable, *kept[1:]])


if __name__ == "__main__":
    main()

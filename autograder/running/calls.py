"""What the engine calls in another process or on another machine, and hands over by name.

Torch is needed there and not here: what takes seconds to import is imported when it is called. Nothing below
imports this module, so that the code that runs need not know how it is called.
"""

from autograder.running.task import Executed, Task
from autograder.settings import Limits


def run_all(tasks: dict[str, Task]) -> dict[str, Executed]:
    """Run the notebooks of one submission; called where they run, which is where torch is needed."""
    from autograder.running.execute import run

    return {name: run(task) for name, task in tasks.items()}


def make_ready(limits: Limits, isolated: bool, device: str) -> None:
    """Start the sandbox of this process before there is something to run in it."""
    from autograder.running.execute import start

    start(limits, isolated, device)

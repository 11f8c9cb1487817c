"""What one notebook may use while it is graded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one notebook may use."""

    seconds: float = 120.0
    """For the whole notebook."""
    cell_seconds: float = 15.0
    """For one cell, or one answer to the judge. The slowest right answer takes about 2 s."""
    memory: int = 2**30
    """Bytes, of all processes together."""
    disk: int = 2**26
    """Bytes in /tmp, which is memory."""
    file: int = 2**25
    """Bytes in one file."""
    files: int = 256
    """Open at a time."""
    entries: int = 2**14
    """Files and folders in /tmp: also empty ones take memory."""
    processes: int = 64

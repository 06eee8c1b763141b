"""Files that appear whole or not at all, and never in place of another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class Draft:
    """A temporary file beside its future place, mode 0600; `publish` gives it its name, once."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file = file
        self.path = path

    def publish(self, final: Path) -> None:
        """Flush to the disk and rename. Raises `FileExistsError` if the name is taken, else `OSError`."""
        self.file.flush()
        os.fsync(self.file.fileno())
        # The name is reserved first, because a plain rename would silently replace somebody's file.
        os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            self.path.replace(final)
        except OSError:
            final.unlink()
            raise


@contextmanager
def draft(folder: Path) -> Iterator[Draft]:
    """A `Draft` in `folder`, removed on the way out unless it was published. Raises `OSError`."""
    descriptor, name = tempfile.mkstemp(prefix=".sealing-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield Draft(file, path)
    finally:
        path.unlink(missing_ok=True)

"""A disk without room: a tiny one that is full where we may mount it, else a file where the folder should be."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

SIZE_KIB = 64


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """For the block nothing can be written in this folder, which holds nothing that is needed."""
    shutil.rmtree(folder, ignore_errors=True)
    if os.geteuid() == 0 and _mounted(folder):
        try:
            _fill(folder)
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
    else:
        folder.write_bytes(b"in the way")
        try:
            yield
        finally:
            folder.unlink()


def _mounted(folder: Path) -> bool:
    folder.mkdir(parents=True)
    line = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "homebeat-full", str(folder)]
    if shutil.which("mount") and subprocess.run(line, check=False, capture_output=True).returncode == 0:
        return True
    folder.rmdir()
    return False


def _fill(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 1024)

"""Stores a queue in a file, in the format of ``logline-client/node``: either client continues the other's file."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

# The file is compacted when settled spans take this much more than the others, or this much when all are settled.
_MAX_SETTLED_BYTES = 16 * 2**20
_MAX_IDLE_BYTES = 2**20

_sync = getattr(os, "fdatasync", os.fsync)


class FileStore:
    """NDJSON: ``{"n":1,"span":{…}}`` for an added span and ``{"done":[1]}`` for settled ones. Once ``SpanQueue.add``
    has returned, the span survives kill -9 and power loss. One process at a time: ``<path>.lock`` names it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """The file is created when missing; its folder must exist."""
        self.path = Path(path).absolute()
        self._lock_path = Path(f"{self.path}.lock")
        self._live: dict[int, bytes] = {}
        self._file: IO[bytes] | None = None
        self._bytes = self._live_bytes = 0
        self._written = self._synced = 0
        # The first is held during a write, the second during a sync, so that one sync serves several writes.
        self._writing = threading.Lock()
        self._syncing = threading.Lock()

    def open(self) -> list[tuple[int, str]]:
        """Number and text of each unsettled span. Raises RuntimeError when another process holds the file, and
        ValueError for a damaged line before the last one."""
        _take(self._lock_path)
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
            # A last line without a line break was being written when the process died; its add() never returned.
            whole = content[: content.rfind(b"\n") + 1]
            for number, line in enumerate(whole.split(b"\n"), 1):
                if line:
                    self._read(line, number)
            self._rewrite()
        except BaseException:
            self._lock_path.unlink(missing_ok=True)
            raise
        return [(n, _span_text(line, n)) for n, line in self._live.items()]

    def add(self, n: int, text: str) -> None:
        """Returns once the span is on disk."""
        line = f'{{"n":{n},"span":{text}}}'.encode()
        with self._writing:
            self._write(line)
            self._keep(n, line)
            self._written += 1
            own = self._written
        with self._syncing:
            if self._synced >= own:
                return
            with self._writing:
                upto, file = self._written, self._opened()
            _sync(file.fileno())
            self._synced = upto

    def done(self, numbers: Sequence[int]) -> None:
        """Does not sync, because the ledger stores a span that is sent again only once."""
        with self._syncing, self._writing:
            for n in numbers:
                self._forget(n)
            most_settled = _MAX_SETTLED_BYTES + self._live_bytes if self._live else _MAX_IDLE_BYTES
            if self._bytes - self._live_bytes > most_settled:
                self._rewrite()
            else:
                self._write(json.dumps({"done": list(numbers)}, separators=(",", ":")).encode())

    def close(self) -> None:
        """Closes the file and releases it for other processes."""
        with self._syncing, self._writing:
            if self._file is not None:
                self._file.close()
                self._file = None
                self._lock_path.unlink(missing_ok=True)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError(f"{self.path} is closed")
        return self._file

    def _write(self, line: bytes) -> None:
        file = self._opened()
        try:
            file.write(line + b"\n")
            file.flush()
        except OSError:
            # A partial line followed by others would damage the file.
            self._reopen()
            raise
        self._bytes += len(line) + 1

    def _reopen(self) -> None:
        """Reopens the file and drops what a failed write left in the buffer or in the file."""
        old, self._file = self._opened(), None
        os.truncate(self.path, self._bytes)
        try:
            old.close()
        except OSError:
            pass
        os.truncate(self.path, self._bytes)
        self._file = open(self.path, "ab")

    def _read(self, line: bytes, number: int) -> None:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        n, done = (value.get("n"), value.get("done")) if isinstance(value, dict) else (None, None)
        if isinstance(n, int):
            self._keep(n, line)
        elif isinstance(done, list):
            for settled in done:
                self._forget(settled)
        else:
            raise ValueError(
                f"{self.path}, line {number}, is damaged; move the file away, and append what its other lines hold"
            )

    def _keep(self, n: int, line: bytes) -> None:
        self._live[n] = line
        self._live_bytes += len(line) + 1

    def _forget(self, n: int) -> None:
        line = self._live.pop(n, None)
        if line is not None:
            self._live_bytes -= len(line) + 1

    def _rewrite(self) -> None:
        """Replaces the file with one that holds only the unsettled spans."""
        draft = Path(f"{self.path}.new")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(line + b"\n" for line in self._live.values())
            file.flush()
            _sync(file.fileno())
        if self._file is not None:
            self._file.close()
        os.replace(draft, self.path)
        self._file = open(self.path, "ab")
        self._bytes = self._live_bytes
        _sync_folder(self.path.parent)


def _span_text(line: bytes, n: int) -> str:
    """The text of the span in a line, unchanged."""
    return line[len(f'{{"n":{n},"span":') : -1].decode()


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows cannot open folders
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _take(path: Path) -> None:
    """Locks the file for this process. The lock of a dead process does not count."""
    for _ in range(5):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            _remove_stale(path)
            continue
        with open(handle, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()} {_start_of(os.getpid())}\n")
        return
    raise RuntimeError(f"the queue's file is held by other processes that start at the same time ({path})")


def _remove_stale(path: Path) -> None:
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return
    found = re.match(r"(\d+) ?(\S*)", text)
    if found and _is_alive(int(found[1]), found[2]):
        raise RuntimeError(f"the queue's file is held by process {found[1]}: a file takes one writer ({path})")
    # Renamed first: of two processes that find it stale, one could otherwise remove the new lock of the other.
    aside = Path(f"{path}.{os.getpid()}")
    try:
        os.rename(path, aside)
        if aside.read_text("ascii") != text:
            os.link(aside, path)
    except OSError:
        pass
    aside.unlink(missing_ok=True)


def _is_alive(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # The system reuses process ids.
    return _start_of(pid) == start


def _start_of(pid: int) -> str:
    """Start of a process in clock ticks since boot (proc(5)); empty without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return ""
    return (stat[stat.rfind(")") + 2 :].split(" ") + [""] * 20)[19]

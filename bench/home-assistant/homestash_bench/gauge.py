"""What a stretch of time cost Home Assistant's process."""

from __future__ import annotations

import asyncio
from pathlib import Path
import re
import time

# How often the event loop is asked whether it is free (seconds).
STEP = 0.005

# Value of clear_refs that sets VmHWM back to VmRSS (proc(5)).
CLEAR_PEAK = "5"


def _memory_mib(field: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


class Gauge:
    """CPU time of the whole process, peak of its memory, and how late its event loop is.

    The lag that is its own is what the loop's thread worked meanwhile.
    """

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._lags: list[float] = []
        self._own: list[float] = []
        self._task: asyncio.Task[None] | None = None
        self._wall = self._cpu = self._before = 0.0

    def start(self) -> None:
        """Begin."""
        Path("/proc/self/clear_refs").write_text(CLEAR_PEAK, encoding="ascii")
        self._before = _memory_mib("VmRSS")
        self._task = asyncio.create_task(self._sample())
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    async def _sample(self) -> None:
        while True:
            due, worked = time.perf_counter() + STEP, time.thread_time()
            await asyncio.sleep(STEP)
            lag = time.perf_counter() - due
            self._lags.append(lag)
            # On a machine with few processors the rest is waiting for one of them.
            self._own.append(min(lag, time.thread_time() - worked))

    def stop(self) -> dict[str, float]:
        """End; seconds, milliseconds and MiB."""
        wall, cpu = time.perf_counter(), time.process_time()
        if self._task:
            self._task.cancel()
        lags, own = sorted(self._lags) or [0.0], sorted(self._own) or [0.0]
        return {
            "wallSeconds": wall - self._wall,
            "cpuSeconds": cpu - self._cpu,
            "lagP99Ms": lags[int(len(lags) * 0.99)] * 1000,
            "ownLagP99Ms": own[int(len(own) * 0.99)] * 1000,
            "lagMaxMs": lags[-1] * 1000,
            "extraMiB": _memory_mib("VmHWM") - self._before,
        }

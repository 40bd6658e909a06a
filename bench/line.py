# ruff: noqa: INP001, T201 - a script, whose output is what it prints
"""A line between two networks with a delay, a rate and a router's queue, as tc's netem makes it where a kernel has that.

usage: line.py DELAY_MS MBIT_PER_S
Makes a network device here (10.77.0.1) and one in a network namespace of its own (10.77.0.2), prints its process id, by
which nsenter finds that namespace, and carries packets between them until it is ended.
"""

from collections import deque
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

# linux/if_tun.h
TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
# Large packets pass as they are and are cut into pieces of the usual size by whoever sends them on a real line:
# TCP behaves as on one, and the packets are few enough for this program.
TUN_F_CSUM, TUN_F_TSO4 = 0x01, 0x02

# The largest that a device hands over, with its header.
PACKET = 65536 + 64

# What a router keeps of packets that do not fit on the line yet (seconds of the line); more is dropped.
QUEUE_SECONDS = 0.05

BITS = 8


def device(name: str, own: str, other: str) -> int:
    """Make a point-to-point device in the network that this process is in."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    fcntl.ioctl(handle, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    for command in (
        f"ip addr add {own} peer {other} dev {name}",
        f"ip link set {name} up mtu 1500 txqueuelen 10000",
        "ip link set lo up",
    ):
        subprocess.run(command.split(), check=True)  # noqa: S603 - words of our own
    return handle


class Direction:
    """Packets one way."""

    def __init__(self, source: int, sink: int, delay: float, rate: float) -> None:
        """Seconds, and bytes a second."""
        self.source = source
        self._sink = sink
        self._delay = delay
        self._rate = rate
        self._free_at = 0.0
        self._packets: deque[tuple[float, bytes]] = deque()

    def take(self) -> None:
        """Read what is there; each packet leaves when the line is free, and arrives after the delay."""
        while True:
            try:
                packet = os.read(self.source, PACKET)
            except BlockingIOError:
                return
            now = time.monotonic()
            begins = max(now, self._free_at)
            if begins - now > QUEUE_SECONDS:
                continue
            self._free_at = begins + len(packet) / self._rate
            self._packets.append((self._free_at + self._delay, packet))

    def deliver(self) -> None:
        """Hand over what has arrived."""
        now = time.monotonic()
        while self._packets and self._packets[0][0] <= now:
            _, packet = self._packets.popleft()
            try:
                os.write(self._sink, packet)
            except OSError:
                # The device is full or the packet not to its taste: lost, as on any line.
                continue

    def next(self) -> float | None:
        """When the next packet arrives."""
        return self._packets[0][0] if self._packets else None


def main() -> None:
    """Carry packets."""
    delay, rate = float(sys.argv[1]) / 1000, float(sys.argv[2]) * 1e6 / BITS
    here = device("line0", "10.77.0.1", "10.77.0.2")
    os.unshare(os.CLONE_NEWNET)
    there = device("line1", "10.77.0.2", "10.77.0.1")
    ways = [Direction(here, there, delay, rate), Direction(there, here, delay, rate)]
    print(os.getpid(), flush=True)
    while True:
        due = [at for way in ways if (at := way.next()) is not None]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select([here, there], [], [], wait)
        for way in ways:
            if way.source in readable:
                way.take()
            way.deliver()


main()

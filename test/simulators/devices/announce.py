"""Announces a WLED by mDNS with the package `zeroconf`, as its firmware does: IP PORT NAME."""

import signal
import socket
import sys

from zeroconf import IPVersion, ServiceInfo, Zeroconf

SERVICE = "_wled._tcp.local."

ip, port, name = sys.argv[1:]
zeroconf = Zeroconf(interfaces=[ip], ip_version=IPVersion.V4Only)
zeroconf.register_service(
    ServiceInfo(
        SERVICE,
        f"{name}.{SERVICE}",
        addresses=[socket.inet_aton(ip)],
        port=int(port),
        server=f"{name}.local.",
    )
)
print("announced", flush=True)
signal.pause()

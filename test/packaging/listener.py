"""Stand in for systemd: print every word that arrives at a socket, one a line."""

import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
    listener.bind(sys.argv[1])
    print("listening", flush=True)
    while True:
        # What comes with a word (a barrier's descriptor) is closed at once, as systemd does when it has heard it.
        print(listener.recv(4096).decode(), flush=True)

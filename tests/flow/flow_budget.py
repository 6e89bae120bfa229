"""A cap is kept on the wire, used while talking, and silence costs next to nothing.

Runs in a network namespace of its own and counts each packet on its loopback: UDP by the port of
the client, TCP (signalling, the bridge's channel) by the client's own sockets.  IP headers count.
"""
import glob
import os
import re
import socket
import sys
import threading
import time

if "BUDGET_INSIDE" not in os.environ:
    os.environ["BUDGET_INSIDE"] = "1"
    if os.system("unshare -rn ip link set lo up >/dev/null 2>&1") != 0:
        print("no network namespaces here: not tried")
        sys.exit(0)
    os.execvp("unshare", ["unshare", "-rn", sys.executable, *sys.argv])
os.system("ip link set lo up")
from lib import *

CAPS = {"Anna": 12, "Ben": 16, "Clara": 32}
TALK, QUIET, SETTLE = 9, 7, 2.5


class Wire(threading.Thread):
    """Time, protocol, source port and length of each IP packet that leaves a socket."""

    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.seen = []
        self.start()

    def run(self):
        while True:
            p, addr = self.s.recvfrom(65536)
            if addr[1] == 0x800 and addr[2] == 4 and p[9] in (6, 17):  # outgoing TCP, UDP
                ihl = (p[0] & 15) * 4
                # A TCP segment of loopback may be larger than a line would take.
                extra = 40 * (len(p) // 1500)
                self.seen.append((time.monotonic(), p[9], int.from_bytes(p[ihl:ihl + 2], "big"),
                                  len(p) + extra, p[ihl + 8:ihl + 10]))


def ports(pid):
    """Source ports of a process' sockets: (UDP, TCP)."""
    inodes = set()
    for fd in glob.glob("/proc/%d/fd/*" % pid):
        try:
            m = re.match(r"socket:\[(\d+)\]", os.readlink(fd))
        except OSError:
            continue
        if m:
            inodes.add(m.group(1))
    found = []
    for proto in ("udp", "tcp"):
        lines = open("/proc/net/" + proto).read().splitlines()[1:]
        found.append({int(f[1].split(":")[1], 16) for f in map(str.split, lines) if f[9] in inodes})
    return found


def packets(wire, udp, tcp, begin, end):
    return [p for p in wire.seen if begin <= p[0] < end and
            (p[1] == 17 and p[2] in udp or p[1] == 6 and p[2] in tcp)]


def kbps(ps, seconds):
    return sum(p[3] for p in ps) * 8 / seconds / 1000


def worst(ps, begin, end):
    """The most of any 5 s, kbit/s."""
    return max(kbps([p for p in ps if t <= p[0] < t + 5], 5)
               for t in [begin + 0.1 * i for i in range(int((end - begin - 5) * 10) + 1)])


def is_rtp(p):
    """RTP by its second byte (RFC 5761, section 4), not RTCP, not STUN."""
    return p[1] == 17 and p[4][0] >> 6 == 2 and not 192 <= p[4][1] <= 223


wire = Wire()
host = Host()
mics = {n: "file:" + write_wav(n + ".wav", speech_like(TALK + 6, i + 3)) for i, n in enumerate(CAPS)}
clients = [Client(host.room(), n, ["--budget", str(CAPS[n]), "--set", "audio.bitrate=64"], mics[n])
           for n in CAPS]
for c in clients:
    c.wait("joined")
for c in clients:
    c.wait("media", media="connected")
time.sleep(SETTLE)
begin = time.monotonic()
time.sleep(TALK)
end = time.monotonic()
owned = {c.name: ports(c.p.pid) for c in clients}
for c in clients:
    cap, ps = CAPS[c.name], packets(wire, *owned[c.name], begin, end)
    most, mean = worst(ps, begin, end), kbps(ps, end - begin)
    out = c.result("stats")["out"]
    check(most <= cap, "%s: at most %.1f of %d kbit/s in any 5 s" % (c.name, most, cap))
    # At 12 a packet is a tenth of what may be held back: a little stays unused.
    check(mean >= (0.85 if cap > 12 else 0.8) * cap, "%s: uses %.1f of %d (frames of %d ms, Opus %.1f)" %
          (c.name, mean, cap, out["frame_ms"], out["codec_kbps"]))
    check(abs(out["kbps"] - mean) < 0.1 * cap + 1, "%s: says %.1f itself" % (c.name, out["kbps"]))
    check(out["budget_kbps"] == cap, "%s: says its cap" % c.name)
# The first goes on with a file that has ended, the others are muted.
for c in clients[1:]:
    c.command("mute")
time.sleep(6 - min(3, SETTLE))
begin = time.monotonic()
time.sleep(QUIET)
end = time.monotonic()
for c in clients:
    ps = packets(wire, *owned[c.name], begin, end)
    rtp = kbps([p for p in ps if is_rtp(p)], end - begin)
    check(rtp < 1.5, "%s, silent: %.2f kbit/s of RTP" % (c.name, rtp))
    check(kbps(ps, end - begin) < 3, "%s, silent: %.2f in all" % (c.name, kbps(ps, end - begin)))
check("16" in clients[1].command("budget") and "no cap" in clients[1].command("budget off"),
      "a cap is shown and taken away")
check(clients[1].refused("budget 9") == "usage", "9 kbit/s are refused")
host.stop()

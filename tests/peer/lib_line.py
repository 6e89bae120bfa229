"""lib_line.py - a bad line between two network namespaces

    near: 10.77.0.2  ---- up --->   far: 10.77.0.1
                     <--- down ---

Each namespace has a TUN device and nothing else but its loopback; this file, run as a program, carries the IP packets
between them and spoils them by rules that the test may change at any time.  What it did to each packet stands in its
log, so that what others count can be held against it.  The same seed spoils alike.  Wants root, /dev/net/tun and ip(8).

Rules, for `up`, `down` or both; all begin as 0, which is a perfect line:

    delay_ms            every packet
    jitter_ms           every 250 ms another extra delay in [0, jitter_ms); the order is kept
    loss, dup           shares of packets
    reorder             share of packets that are held back by 60 ms while others pass them
    late_every, late_ms every so many-th RTP packet of a source is held back by that much: never two in a row
    burst_ms, every_ms  for burst_ms of every_ms nothing passes
    kbps, queue_ms      the line's rate, and how long a packet may wait for it before it is dropped
    block               "udp": no UDP passes; "all": nothing
    only                "rtp": delay, rate and block aside, the rules meet RTP alone
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

NEAR, FAR = "10.77.0.2", "10.77.0.1"
CLONE_NEWNET = 0x40000000
RULES = {"delay_ms": 0, "jitter_ms": 0, "loss": 0, "dup": 0, "reorder": 0, "late_every": 0, "late_ms": 0, "burst_ms": 0, "every_ms": 0,
         "kbps": 0, "queue_ms": 200, "block": "", "only": ""}
HOLD_S = 0.06


def _enter(path):
    fd = os.open(path, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns " + path)
    os.close(fd)


class Packet:
    """What the rules and the log must know of an IP packet."""

    def __init__(self, data):
        self.data, self.kind, self.ssrc, self.seq = data, "other", 0, 0
        if len(data) < 28 or data[0] >> 4 != 4:
            return
        at = (data[0] & 15) * 4
        if data[9] == 6:
            self.kind = "tcp"
        elif data[9] == 17 and len(data) > at + 20:
            p = data[at + 8:]
            if p[0] < 4:
                self.kind = "stun"
            elif 19 < p[0] < 64:
                self.kind = "dtls"
            elif 127 < p[0] < 192:
                self.kind = "rtcp" if 192 <= p[1] <= 223 else "rtp"
                self.seq, = struct.unpack(">H", p[2:4])
                self.ssrc, = struct.unpack(">I", p[8:12] if self.kind == "rtp" else p[4:8])

    def is_udp(self):
        return self.kind not in ("tcp", "other")


class Direction:
    def __init__(self, name, out_fd, seed, log):
        self.name, self.fd, self.log = name, out_fd, log
        self.rng = random.Random("%d %s" % (seed, name))
        self.rules = dict(RULES)
        self.heap, self.n = [], 0
        self.free_at = 0.0              # when the line's rate has room
        self.last_due = 0.0             # keeps the order
        self.extra, self.extra_until = 0.0, 0.0

    def note(self, now, p, fate, due=0.0):
        self.log.write("%.6f,%s,%s,%d,%d,%d,%s,%.1f\n" % (now, self.name, p.kind, p.ssrc, p.seq, len(p.data), fate,
                                                      (due - now) * 1000 if due else 0))

    def push(self, now, p, due, fate):
        self.n += 1
        heapq.heappush(self.heap, (due, self.n, p))
        self.note(now, p, fate, due)

    def take(self, data, now):
        p, r = Packet(data), self.rules
        if r["block"] == "all" or (r["block"] == "udp" and p.is_udp()):
            return self.note(now, p, "blocked")
        spoil = not r["only"] or p.kind == r["only"]
        if spoil and r["every_ms"] and now * 1000 % r["every_ms"] < r["burst_ms"]:
            return self.note(now, p, "burst")
        # Drawn for every packet, so that one rule more does not change what the others do.
        draw = [self.rng.random() for _ in range(3)]
        if spoil and draw[0] < r["loss"]:
            return self.note(now, p, "lost")
        due = now + r["delay_ms"] / 1000
        if r["kbps"]:
            start = max(now, self.free_at)
            if (start - now) * 1000 > r["queue_ms"]:
                return self.note(now, p, "queue")
            self.free_at = start + len(data) * 8 / (r["kbps"] * 1000)
            due += self.free_at - now
        if r["jitter_ms"] and now > self.extra_until:
            self.extra, self.extra_until = self.rng.random() * r["jitter_ms"] / 1000, now + 0.25
        if r["jitter_ms"]:
            due += self.extra
        if spoil and draw[1] < r["reorder"]:
            return self.push(now, p, due + HOLD_S, "held")
        if r["late_every"] and p.kind == "rtp" and p.seq % r["late_every"] == 0:
            return self.push(now, p, due + r["late_ms"] / 1000, "late")
        due = max(due, self.last_due)
        self.last_due = due
        self.push(now, p, due, "passed")
        if spoil and draw[2] < r["dup"]:
            self.push(now, p, due + 0.002, "copy")

    def deliver(self, now):
        while self.heap and self.heap[0][0] <= now:
            try:
                os.write(self.fd, heapq.heappop(self.heap)[2].data)
            except OSError:
                pass                    # the device's queue is full, as a line's may be
        return self.heap[0][0] if self.heap else now + 1


def _tun(netns):
    _enter("/run/netns/" + netns)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"line", 0x1001))        # TUNSETIFF, IFF_TUN | IFF_NO_PI
    os.set_blocking(fd, False)
    return fd


def main(near, far, seed, log_path):
    log = open(log_path, "w")
    near_fd, far_fd = _tun(near), _tun(far)
    way = {near_fd: Direction("up", far_fd, seed, log), far_fd: Direction("down", near_fd, seed, log)}
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        wake = min(d.deliver(now) for d in way.values())
        ready, _, _ = select.select([*way, sys.stdin], [], [], max(0, min(wake - time.monotonic(), 1)))
        for fd in ready:
            if fd is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                order = json.loads(line)
                for d in way.values():
                    d.rules.update(order.get(d.name, {}))
                log.flush()
                print("%.6f" % time.monotonic(), flush=True)
                continue
            for _ in range(64):
                try:
                    data = os.read(fd, 2048)
                except BlockingIOError:
                    break
                way[fd].take(data, time.monotonic())


class Line:
    """The test's end.  enter("near") and enter("far") are for Popen's preexec_fn."""

    def __init__(self, tmp, seed=1, register=None):
        self.ns = {side: "ttymeet-%d-%s" % (os.getpid(), side) for side in ("near", "far")}
        self.log_path = os.path.join(tmp, "line.csv")
        for side, name in self.ns.items():
            subprocess.run(["ip", "netns", "add", name], check=True)
        self.p = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.ns["near"], self.ns["far"], str(seed),
                                   self.log_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if register is not None:
            register.append(self.p)
        assert self.p.stdout.readline() == "ready\n"
        for side, address in (("near", NEAR), ("far", FAR)):
            for words in ("addr add %s/24 dev line" % address, "link set line mtu 1500 up", "link set lo up"):
                subprocess.run(["ip", "-n", self.ns[side], *words.split()], check=True)

    def enter(self, side):
        path = "/run/netns/" + self.ns[side]
        return lambda: _enter(path)

    def set(self, both=None, up=None, down=None):
        """Changes rules, or none; returns when (time.monotonic()).  The log is whole up to then."""
        order = {"up": {**(both or {}), **(up or {})}, "down": {**(both or {}), **(down or {})}}
        self.p.stdin.write(json.dumps(order) + "\n")
        self.p.stdin.flush()
        return float(self.p.stdout.readline())

    def perfect(self):
        return self.set(RULES)

    def rows(self, since=0, until=1e18, **want):
        """The log between two times: dicts of what is in Direction.note()."""
        self.set()
        out = []
        names = ("time", "dir", "kind", "ssrc", "seq", "bytes", "fate", "delay_ms")
        for line in open(self.log_path):
            r = dict(zip(names, line.rstrip("\n").split(",")))
            if len(r) < len(names):
                continue
            for k in ("time", "delay_ms"):
                r[k] = float(r[k])
            for k in ("ssrc", "seq", "bytes"):
                r[k] = int(r[k])
            if since <= r["time"] < until and all(r[k] == v for k, v in want.items()):
                out.append(r)
        return out

    def close(self):
        self.p.kill()
        self.p.wait()
        for name in self.ns.values():
            subprocess.run(["ip", "netns", "del", name])


def missing():
    """Why there can be no line here, or None."""
    if os.getuid():
        return "a bad line wants root"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun here"
    name = "ttymeet-probe-%d" % os.getpid()
    try:
        subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
        try:
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True, capture_output=True)
        finally:
            subprocess.run(["ip", "netns", "del", name], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "no network namespaces here"
    return None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])

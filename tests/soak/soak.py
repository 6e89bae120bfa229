"""soak.py - a call of five in which people come, go, mute, rename, raise hands and write

`make soak SOAK_S=120 SAN=address,undefined` (or thread): everybody leaves with 0, everybody heard
the others, and no sanitizer said a word.  In a plain build the memory and the descriptors of the
host and of one who stays have to be flat from the first quarter on, too.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))
from lib import *

SECONDS = int(os.environ.get("SOAK_S", "120"))
# A sanitizer's own memory grows.
SANITIZED = any(w in open(EXE, "rb").read() for w in (b"__asan_init", b"__tsan_init"))
rng = random.Random(int(os.environ.get("SOAK_SEED", "1")))
host = Host()
speech = write_wav("talk.wav", speech_like(6, 3))
clients, ended, n = [], [], 0


class Watched:
    """A process: its memory, and its descriptors while nobody else is in the room."""

    def __init__(self, name, p):
        self.name, self.pid, self.kib = name, p.pid, []
        self.fds = self.descriptors()

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def look(self):
        for line in open("/proc/%d/status" % self.pid):
            if line.startswith("VmRSS:"):
                self.kib.append(int(line.split()[1]))

    def judge(self):
        k, fds = self.kib, self.descriptors()
        then, now = max(k[len(k) // 8:len(k) // 4]), max(k[-len(k) // 8:])
        print("%s: %d KiB after a quarter, %d at the end; %d and %d descriptors" %
              (self.name, then, now, self.fds, fds))
        check(fds <= self.fds, "%s has as many descriptors as at the start" % self.name)
        if not SANITIZED:
            check(now < then * 1.05 + 1024, "the memory of %s is flat" % self.name)


def come():
    global n
    n += 1
    mic = rng.choice(["file:%s,loop" % speech, "tone:%d" % rng.randrange(200, 900), "noise", "null"])
    c = Client(host.room("soak"), "P%d" % n, rng.choice([[], ["--muted"]]), mic)
    c.wait("joined", timeout=20)
    clients.append(c)


def go(c):
    clients.remove(c)
    how = rng.choice(["quit", "term", "cut"])
    if how == "quit":
        c.command("quit")
    else:
        c.p.send_signal(signal.SIGTERM if how == "term" else signal.SIGKILL)
    code = c.end(15)
    right = [-signal.SIGKILL] if how == "cut" else [0, 143]
    if code not in right:
        c.dump()
    check(code in right, "%s left with %d" % (c.name, code))
    ended.append(c)


def act(c):
    what = rng.randrange(9)
    others = [x.name for x in clients if x is not c]
    line = ["mute", "unmute", "hand", "say hello %d & <all>" % rng.randrange(1000), "nick Q%d" % rng.randrange(99),
            "volume all %d" % rng.randrange(400), "msg %s psst" % (rng.choice(others) if others else "x"),
            "deafen", "who"][what]
    c.rpc("command", line=line)


stays = Client(host.room("soak"), "Stays", mic="file:%s,loop" % speech)
stays.wait("joined", timeout=20)
time.sleep(2)
watched = [Watched("the host", host.p), Watched("who stays", stays.p)]
end = time.monotonic() + SECONDS
looked = 0
for _ in range(4):
    come()
while time.monotonic() < end:
    if time.monotonic() - looked >= min(10, SECONDS / 40):
        looked = time.monotonic()
        for w in watched:
            w.look()
    r = rng.random()
    if r < 0.08 and len(clients) > 2:
        go(rng.choice(clients))
    elif r < 0.25 and len(clients) < 4:
        come()
    else:
        act(rng.choice(clients))
    time.sleep(0.25)
stats = [c.result("stats") for c in clients]
check(all(s["in"]["packets"] > 0 for s in stats), "everybody heard somebody")
for c in list(clients):
    go(c)
# The host keeps the place of who was cut for a while, and then who stays has no media either.
deadline = time.monotonic() + 180
while time.monotonic() < deadline and any(w.descriptors() > w.fds for w in watched):
    time.sleep(1)
for w in watched:
    w.judge()
check(stays.result("stats")["in"]["packets"] > 0, "who stays heard the others")
clients.append(stays)
go(stays)
check(host.stop() == 0, "the host ended with 0")
bad = [c for c in ended if any(w in c.stderr() for w in ("ERROR: ", "WARNING: ThreadSan", "runtime error"))]
host.log.flush()
log = open(host.log.name).read()
check(not bad and "ERROR: " not in log and "ThreadSan" not in log and "runtime error" not in log,
      "no sanitizer said a word")
print("%d people came and went, %d s" % (n, SECONDS))

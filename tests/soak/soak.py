"""soak.py - a call of five in which people come, go, mute, rename, raise hands and write

`make soak SOAK_S=120 SAN=address,undefined` (or thread): everybody leaves with 0, everybody heard
the others, and no sanitizer said a word.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))
from lib import *

SECONDS = int(os.environ.get("SOAK_S", "120"))
rng = random.Random(int(os.environ.get("SOAK_SEED", "1")))
host = Host()
speech = write_wav("talk.wav", speech_like(6, 3))
clients, ended, n = [], [], 0


def come():
    global n
    n += 1
    mic = rng.choice(["file:%s,loop" % speech, "tone:%d" % rng.randrange(200, 900), "noise", "null"])
    c = Client(host.room("soak"), "P%d" % n, rng.choice([[], ["--muted"]]), mic)
    c.wait("joined", timeout=20)
    clients.append(c)


def go(c):
    clients.remove(c)
    how = rng.choice(["quit", "term"])
    if how == "quit":
        c.command("quit")
    else:
        c.p.send_signal(signal.SIGTERM)
    code = c.end(15)
    if code not in (0, 143):
        c.dump()
    check(code in (0, 143), "%s left with %d" % (c.name, code))
    ended.append(c)


def act(c):
    what = rng.randrange(9)
    others = [x.name for x in clients if x is not c]
    line = ["mute", "unmute", "hand", "say hello %d & <all>" % rng.randrange(1000), "nick Q%d" % rng.randrange(99),
            "volume all %d" % rng.randrange(400), "msg %s psst" % (rng.choice(others) if others else "x"),
            "deafen", "who"][what]
    c.rpc("command", line=line)


end = time.monotonic() + SECONDS
for _ in range(5):
    come()
while time.monotonic() < end:
    r = rng.random()
    if r < 0.08 and len(clients) > 2:
        go(rng.choice(clients))
    elif r < 0.25 and len(clients) < 5:
        come()
    else:
        act(rng.choice(clients))
    time.sleep(0.25)
stats = [c.result("stats") for c in clients]
check(all(s["in"]["packets"] > 0 for s in stats), "everybody heard somebody")
for c in list(clients):
    go(c)
check(host.stop() == 0, "the host ended with 0")
bad = [c for c in ended if any(w in c.stderr() for w in ("ERROR: ", "WARNING: ThreadSan", "runtime error"))]
host.log.flush()
log = open(host.log.name).read()
check(not bad and "ERROR: " not in log and "ThreadSan" not in log and "runtime error" not in log,
      "no sanitizer said a word")
print("%d people came and went, %d s" % (n, SECONDS))

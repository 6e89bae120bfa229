"""lines.py - lines that lose and delay: from a seed to the arrivals of packets."""
import numpy as np

FRAME_US = 20000
BURST = 4               # packets a burst loses on average
BASE_US = 20000         # a line's own delay

LOSSES = (0, 5, 10, 20)
JITTERS = (0, 30, 100)


def cells():
    """(loss %, "random" or "bursts", jitter ms)"""
    return [(loss, kind, jitter) for jitter in JITTERS for loss in LOSSES
            for kind in (("random", "bursts") if loss else ("random",))]


def name(cell):
    return "%d %s / %d" % (cell[0], cell[1], cell[2]) if cell[0] else "0 / %d" % cell[2]


def lost(rng, n, percent, kind):
    p = percent / 100
    if kind == "random":
        return rng.uniform(size=n) < p
    # Gilbert's two states: all is lost in the bad one.
    leave, enter = 1 / BURST, p / BURST / (1 - p)
    out, bad = np.zeros(n, bool), False
    for i, x in enumerate(rng.uniform(size=n)):
        bad = x >= leave if bad else x < enter
        out[i] = bad
    return out


def make(cell, seed, n):
    """Arrivals as (us since packet 0 was sent, number), in order of time."""
    percent, kind, jitter = cell
    rng = np.random.RandomState((seed * 1000003 + percent * 1009 + jitter * 31 +
                                 (kind == "bursts")) & 0x7fffffff)
    gone = lost(rng, n, percent, kind)
    gone[:10] = False       # both begin with the same packet
    late = rng.uniform(0, jitter * 1000, n) if jitter else np.zeros(n)
    # A packet is sent when its last sample was spoken.
    out = [(int((i + 1) * FRAME_US + BASE_US + late[i]), i) for i in range(n) if not gone[i]]
    return sorted(out)


def write(path, arrivals):
    with open(path, "w") as f:
        for at, i in arrivals:
            f.write("%d %d\n" % (at, i))

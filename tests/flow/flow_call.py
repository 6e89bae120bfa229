"""Three in a room hear each other: content, loudness, no gaps, nothing of oneself."""
import os
from lib import *

SECONDS = 6
names = ["Anna", "Ben", "Clara"]
speech = [speech_like(SECONDS, i + 1) for i in range(3)]
host = Host()
clients = []
for i, name in enumerate(names):
    mic = "file:" + write_wav(name + ".wav", speech[i])
    out = "file:" + os.path.join(TMP, "out-%s.wav" % name)
    clients.append(Client(host.room(), name, ["--for", "%ds" % (SECONDS + 3)], mic, out))
for c in clients:
    c.wait("joined")
for c in clients:
    c.wait("media", media="connected")
for c in clients:
    check(c.end(30) == 0, c.name + " left with exit code 0")


def seconds_at(part, x, at):
    """Each second of part within 200 ms of where it is when part begins at `at`: as find() does."""
    x = np.pad(x, (9600, len(part)))
    return [find(part[w:w + RATE], x[at + w:at + w + RATE + 19200]) for w in range(0, len(part) - RATE, RATE)]


for i, name in enumerate(names):
    x = read_wav(os.path.join(TMP, "out-%s.wav" % name))
    check(len(x) > (SECONDS + 1) * RATE, "%s recorded %.1f s" % (name, len(x) / RATE))
    for k, other in enumerate(names):
        # The very beginning may be cut: a file starts when its own media does.
        part = speech[k][RATE:-RATE // 2]
        _, coeff, gain = find(part, x)
        if k == i:
            check(coeff < 0.1, "%s hears nothing of itself (%.2f)" % (name, coeff))
            continue
        # Where it is, by each second alone: over the whole the best place may be a wrong one when the
        # delay moved in between.  Such a voice has a rhythm, and a second may fit better one beat off:
        # the place is that of them which suits all.
        at = max((max(0, find(part[w:w + RATE], x)[0] - w) for w in range(0, len(part) - RATE, RATE)),
                 key=lambda p: sum(f[1] for f in seconds_at(part, x, p)))
        # Second by second: on a busy machine the delay may be led by some ms in between, which
        # nobody hears, but which would halve a coefficient over the whole. Two talk at once, so
        # one alone can have 0.7 at most.
        found = seconds_at(part, x, at)
        coeffs, gains = [f[1] for f in found], [f[2] for f in found]
        check(min(coeffs) > 0.3 and np.median(coeffs) > 0.5,
              "%s hears %s (correlation %.2f to %.2f)" % (name, other, min(coeffs), max(coeffs)))
        check(0.7 < np.median(gains) < 1.3, "%s at the right loudness (%.2f)" % (other, np.median(gains)))
        seg = x[at:at + len(part)]
        check(longest_zero_ms(seg) <= 20, "no hole in %s (%d ms)" % (other, longest_zero_ms(seg)))
check(host.stop() == 0, "the host ended with 0")

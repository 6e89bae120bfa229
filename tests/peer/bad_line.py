"""A ttymeet behind a bad line: the call stays, words arrive, sound degrades as it must, and the counters tell the truth.

Anna is behind the line, Bert beside the host.  Each rule holds for ten seconds; what the line did to each packet is
compared with what `stats` of both say.
"""
from lib import *
import lib_line
from lib_line import Line, FAR

why = lib_line.missing()
if why:
    skip(why)

ANNA, BERT, DELAY_MS = 500, 900, 20
#         rule                                 share of the sound that must be heard, seconds for a word to arrive
RULES = [("a clean line", {}, 0.99, 3),
         ("1 % loss", {"loss": 0.01}, 0.97, 3),
         ("5 % loss", {"loss": 0.05}, 0.95, 5),
         ("20 % loss", {"loss": 0.2}, 0.85, 10),
         ("bursts of 200 ms", {"burst_ms": 200, "every_ms": 2000}, 0.80, 5),
         ("200 ms of jitter", {"jitter_ms": 200}, 0.90, 5),
         ("reordering", {"reorder": 0.1}, 0.97, 3),
         ("duplicates", {"dup": 0.2}, 0.98, 3),
         ("30 kbit/s, as set", {"kbps": 30, "queue_ms": 400}, 0.95, 10),
         ("30 kbit/s, nothing set", {"kbps": 30, "queue_ms": 400}, 0.90, 10),
         ("30 kbit/s and buffers without end", {"kbps": 30, "queue_ms": 3000}, 0.85, 15)]
AS_SET = ["-o", "audio.bitrate=8", "-o", "audio.frame_ms=60"]
if SHORT:
    RULES = [("5 % loss, duplicates, reordering", {"loss": 0.05, "dup": 0.1, "reorder": 0.05}, 0.93, 5)]

line = Line(TMP, 7, flow._procs)
atexit.register(line.close)
host = Host(FAR + ":8443", FAR + ":10000", preexec_fn=line.enter("far"))


def meet(*more):
    """Anna and Bert in the room, in the names that all below uses."""
    global anna, bert
    bert = Tty(host.room("line"), "Bert", BERT, ["--insecure", *more], preexec_fn=line.enter("far"))
    anna = Tty(host.room("line"), "Anna", ANNA, ["--insecure", *more], preexec_fn=line.enter("near"))
    for c in (bert, anna):
        c.wait("joined")
    hear_each_other()


def hear_each_other(timeout=15):
    eventually("Anna hears Bert", lambda: heard_share(anna.heard(0.5), BERT) > 0.9, timeout)
    eventually("Bert hears Anna", lambda: heard_share(bert.heard(0.5), ANNA) > 0.9, timeout)


def near(got, want, slack, share=0.05):
    return abs(got - want) <= max(slack, share * want)


def words(what, seconds):
    for sender, reader in ((bert, anna), (anna, bert)):
        start = time.monotonic()
        text = "%s %.3f" % (what, start)
        sender.command("say " + text)
        reader.wait("message", text=text, timeout=seconds)
        print("ok   %s: a word from %s arrives after %.2f s" % (what, sender.name, time.monotonic() - start))


class Window:
    """What the counters and the line's log say between two moments."""

    def __init__(self):
        self.before = [c.result("stats") for c in (anna, bert)]
        self.start = line.set()

    def end(self):
        self.after = [c.result("stats") for c in (anna, bert)]
        self.rows = line.rows(self.start, line.set())

    def diff(self, who, way, key):
        i = (anna, bert).index(who)
        return self.after[i][way][key] - self.before[i][way][key]

    def count(self, way, *fates, kinds=("rtp",)):
        return sum(r["dir"] == way and r["kind"] in kinds and (not fates or r["fate"] in fates) for r in self.rows)

    def kbps(self, way, *fates):
        """Of the last five seconds, as the program counts: IP headers in, TCP and STUN out."""
        last = self.rows[-1]["time"]
        return sum(r["bytes"] for r in self.rows if r["dir"] == way and r["kind"] in ("rtp", "rtcp") and r["time"] > last - 5
                   and (not fates or r["fate"] in fates)) * 8 / 5000


GONE = ("lost", "burst", "queue", "blocked")
CAME = ("passed", "held", "late", "copy")


def compare(what, w):
    """The counters against the line, both ways; Bert's see the upward line through the host."""
    for who, way in ((anna, "down"), (bert, "up")):
        gone, copies = w.count(way, *GONE), w.count(way, "copy", kinds=("rtp", "rtcp"))
        lost, got, made = (w.diff(who, "in", k) for k in ("lost", "fec_recovered", "concealed_ms"))
        # A packet that is under way at either end of the window belongs to neither or both.
        check(near(lost, gone, 5), "%s: %s counts %d lost, the line dropped %d" % (what, who.name, lost, gone))
        ms = w.after[1 if who is anna else 0]["out"]["frame_ms"]
        # No less than was lost; more where this machine itself came late.
        check(0.6 * ms * gone - 250 <= made + ms * got <= 1.5 * ms * gone + 1000, "%s: %s filled %d ms (%d packets by FEC) for %d ms that did not come"
              % (what, who.name, made + ms * got, got, ms * gone))
        if who is anna:
            dup = w.diff(anna, "in", "duplicate")
            check(near(dup, copies, 5), "%s: Anna counts %d duplicates, the line made %d" % (what, dup, copies))
    came = w.count("down", *CAME, kinds=("rtp", "rtcp"))
    check(near(w.diff(anna, "in", "packets"), came, 8, 0.03), "%s: packets in %d, the line brought %d"
          % (what, w.diff(anna, "in", "packets"), came))
    sent = w.count("up", kinds=("rtp", "rtcp")) - w.count("up", "copy", kinds=("rtp", "rtcp"))
    check(near(w.diff(anna, "out", "packets"), sent, 8, 0.03), "%s: packets out %d, the line took %d"
          % (what, w.diff(anna, "out", "packets"), sent))
    for way, mine, fates in (("out", w.kbps("up", "passed", "held", *GONE), ()), ("in", w.kbps("down", *CAME), ())):
        told = w.after[0][way]["kbps"]
        check(near(told, mine, 4, 0.12), "%s: %s tells %.1f kbit/s, the line %.1f" % (what, way, told, mine))


meet()
for what, rules, share, seconds in RULES:
    line.perfect()
    if "kbps" in rules:
        for c in (anna, bert):
            c.command("quit")
            c.end()
        meet(*(AS_SET if "as set" in what else []))
    line.set({"delay_ms": DELAY_MS, **rules})
    # The buffers find their delay, and the figures of five seconds forget the line of before.
    time.sleep(45 if "without end" in what else 25 if "nothing" in what else 6 if rules else 2)
    w = Window()
    time.sleep(10)
    w.end()
    compare(what, w)
    words(what, seconds)
    for who, hz in ((anna, BERT), (bert, ANNA)):
        got = heard_share(who.heard(9), hz)
        check(got >= share, "%s: %s hears %.1f %%" % (what, who.name, 100 * got))
    if not rules:
        rtt = w.after[0]["rtt_ms"]
        check(2 * DELAY_MS - 5 < rtt < 2 * DELAY_MS + 25, "round trip told as %.0f ms, the line has %d" % (rtt, 2 * DELAY_MS))
    for c in (anna, bert):
        s = c.result("status")
        check(s["state"] == "joined" and s["media"] == "connected", "%s: %s is in the call" % (what, c.name))
        cuts = [e for e in c.seen if e["event"] == "state" and e["state"] == "reconnecting"]
        check(not cuts, "%s: %s's signalling has kept its place" % (what, c.name))

# ---- packets far later than anybody waits: with the buffer kept short they are late, each of them, and not lost ----

# As many as that are not worth a longer buffer: low takes 92 of 100 packets.
for every, late_ms in ((20, 400),) if SHORT else ((20, 400), (50, 250), (16, 400)):
    what = "one packet of %d late by %d ms" % (every, late_ms)
    line.perfect()
    for c in (anna, bert):
        c.command("delay low")
    line.set({"delay_ms": DELAY_MS, "late_every": every, "late_ms": late_ms})
    time.sleep(6)
    w = Window()
    time.sleep(10)
    w.end()
    for who, way in ((anna, "down"), (bert, "up")):
        held, late = w.count(way, "late"), w.diff(who, "in", "late")
        check(held >= 0.8 * w.count(way) / every and near(late, held, 2), "%s: %s counts %d late, the line delayed %d" % (what, who.name, late, held))
        lost, gone = w.diff(who, "in", "lost"), w.count(way, *GONE)
        check(near(lost, gone, 3), "%s: %s counts %d lost, the line dropped %d" % (what, who.name, lost, gone))
        ms = w.after[1 if who is anna else 0]["out"]["frame_ms"]
        made = w.diff(who, "in", "concealed_ms") + ms * w.diff(who, "in", "fec_recovered")
        check(0.6 * ms * held <= made <= 1.5 * ms * held + 1000, "%s: %s filled %d ms for %d ms that came too late"
              % (what, who.name, made, ms * held))
for c in (anna, bert):
    c.command("delay normal")

# ---- UDP goes away in mid-call; signalling stays ----

for seconds, limit in ([(2, 5)] if SHORT else [(5, 5), (30, 20), (60, 60)] + [(300, 75)] * LONG):
    line.perfect()
    line.set({"delay_ms": DELAY_MS, "block": "udp"})
    gone = time.monotonic()
    words("no UDP", 5)
    time.sleep(max(0, seconds - (time.monotonic() - gone)))
    check(heard_share(anna.heard(0.5), BERT) == 0, "without UDP for %d s Anna hears nothing" % seconds)
    line.set({"block": ""})
    back = time.monotonic()
    hear_each_other(limit)
    print("ok   UDP away for %d s: both hear each other %.1f s after it is back" % (seconds, time.monotonic() - back))
for c in (anna, bert):
    c.command("quit")
    check(c.end() == 0, c.name + " leaves with 0")

"""A real Prosody with stream management: lines are cut for a moment and for too long, it is restarted and killed; nobody is
seen to leave without need, and what was typed arrives once, or is said to be unsure.  SHORT: the cuts of a moment."""
import random
from lib_xmpp import *

LIMIT_S = 8             # how long the second server waits for a lost client


class Person:
    """A client on a line of its own, and what it was told in chat."""

    def __init__(self, prosody, name, room, args=()):
        self.line = Cuttable(prosody.http)
        self.site = Site("ws://127.0.0.1:%d/xmpp-websocket" % self.line.port)
        self.trace = os.path.join(TMP, "trace-%s-%d" % (name, prosody.http))
        self.tty = Tty(self.site.room(room), name, args=("--trace", self.trace, *args))
        self.tty.wait("joined", timeout=20)
        self.name = name

    def events(self):
        self.tty.last("nothing")
        return self.tty.seen

    def read(self, who=None):
        """Texts of `who`, in the order they were told; None: of anybody, also who is known to the room's history alone."""
        return [e["text"] for e in self.events() if e["event"] == "message" and who in (None, e["from"])]

    def say(self, text):
        self.tty.command("/say " + text)

    def state(self):
        return self.tty.result("status")["state"]

    def losses(self):
        return [e["text"] for e in self.events() if e["event"] == "error" and ("arrived" in e["text"] or "not sent" in e["text"])]

    def leavers(self):
        return [e for e in self.events() if e["event"] == "person-left"]

    def resumed(self):
        return int(re.search(r"resumed (\d+)", self.tty.command("/dump"))[1])


def cut(who, other, seconds, tag):
    """Cuts who's line; both talk meanwhile, and each word arrives once."""
    before, start = who.resumed(), time.monotonic()
    gone, lines = len(other.leavers()), who.line.accepted
    who.say("before-" + tag)
    who.line.cut()
    eventually("%s notices the cut" % who.name, lambda: who.state() == "reconnecting", 5)
    who.say("typed-" + tag)
    other.say("missed-" + tag)
    time.sleep(max(0, seconds - (time.monotonic() - start)))
    who.line.mend()
    eventually("%s resumed after a cut of %g s" % (who.name, seconds), lambda: who.state() == "joined", 35)
    if who.resumed() != before + 1:
        print(who.tty.command("/dump"), open(glob.glob(who.trace + "/*")[0]).read()[-6000:])
    check(who.resumed() == before + 1, "%s: by <resumed/>, not by joining again" % who.name)
    print("      back %.1f s after the line, connections %d" % (time.monotonic() - start - seconds, who.line.accepted - lines))
    for tag2, a, b in (("before-" + tag, who, other), ("typed-" + tag, who, other), ("missed-" + tag, other, who)):
        eventually("%s of %s reached %s" % (tag2, a.name, b.name), lambda: tag2 in b.read(a.name) and tag2 in a.read(a.name), 8)
        check(b.read(a.name).count(tag2) == 1 and a.read(a.name).count(tag2) == 1, "once, and once back at %s" % a.name)
    check(len(other.leavers()) == gone, "%s saw nobody leave" % other.name)


def many_cuts(a, b, rounds):
    """Words of both ways while the line breaks again and again at any moment."""
    rng = random.Random(7)
    mark_a, mark_b = len(b.read(a.name)), len(a.read(b.name))
    for i in range(rounds):
        a.say("a%d" % i)
        b.say("b%d" % i)
        time.sleep(rng.uniform(0.3, 0.7))
        if i % 4 == 1:
            a.line.cut()
            time.sleep(rng.uniform(0.05, 1.0))
            a.line.mend()
            eventually("back from cut %d" % (i // 4 + 1), lambda: a.state() == "joined", 20)
    for mine, theirs, mark, tag in ((a, b, mark_a, "a"), (b, a, mark_b, "b")):
        want = ["%s%d" % (tag, i) for i in range(rounds)]
        eventually("%d words of %s arrived" % (rounds, mine.name), lambda: len(theirs.read(mine.name)) >= mark + rounds, 20)
        time.sleep(0.5)
        check(theirs.read(mine.name)[mark:] == want, "each once and in order")
    check(not a.losses() and not b.losses(), "and nothing is unsure")


def silent_line(a, b):
    """The line stands and nothing passes: a word without an answer makes the client look."""
    before = a.resumed()
    a.line.hold()
    start = time.monotonic()
    a.say("into-the-silence")
    eventually("the silence is noticed", lambda: a.state() == "reconnecting", 15)
    check(time.monotonic() - start < 12, "after %.1f s" % (time.monotonic() - start))
    a.line.mend()
    eventually("resumed", lambda: a.state() == "joined" and a.resumed() == before + 1, 20)
    eventually("the word arrived", lambda: "into-the-silence" in b.read(a.name), 8)
    check(b.read(a.name).count("into-the-silence") == 1, "once")


def too_long(a, b, seconds):
    """The server gives the place up: the room is joined again, with name, mute and hand."""
    a.tty.command("/mute")
    a.tty.command("/hand up")
    gone = len(b.leavers())
    a.line.cut()
    a.say("typed-long")
    eventually("%s sees the ghost leave" % b.name, lambda: len(b.leavers()) > gone, seconds + 10)
    a.line.mend()
    eventually("%s joins again" % a.name, lambda: a.state() == "joined", 40)
    eventually("what was typed meanwhile is said", lambda: "typed-long" in b.read(a.name), 15)
    check(b.read(a.name).count("typed-long") == 1, "once")
    p = b.tty.person(a.name)
    check(p and p["muted"] and p["hand"], "%s is muted and has the hand up: %s" % (a.name, p))
    a.tty.command("/unmute")
    a.tty.command("/hand down")


def restarted(prosody, a, b, sig, how):
    sure = []
    for p in (a, b):
        p.say("just-before-%s-of-%s" % (how, p.name))
    prosody.stop(sig)
    for p in (a, b):
        eventually("%s notices that the server was %s" % (p.name, how), lambda: p.state() == "reconnecting", 30)
        p.say("during-%s-of-%s" % (how, p.name))
        sure.append("during-%s-of-%s" % (how, p.name))
    prosody.start()
    start = time.monotonic()
    for p in (a, b):
        eventually("%s is back" % p.name, lambda: p.state() == "joined", 60)
    print("      both after %.1f s" % (time.monotonic() - start))
    for p, q in ((a, b), (b, a)):
        text = "during-%s-of-%s" % (how, p.name)
        eventually("%s says what was typed meanwhile" % p.name, lambda: text in p.read(p.name), 15)
        check(p.read(p.name).count(text) == 1, "once")
        before = "just-before-%s-of-%s" % (how, p.name)
        arrived, unsure = before in q.read(), any(before in t for t in p.losses())
        check(arrived or unsure, "%s's last word before: %s" % (p.name, "arrived" if arrived else "said to be unsure"))
        check(q.read().count(before) <= 1, "at most once")


prosody = Prosody(modules=("external_services",), auth="guests", host_more="""
  external_services = { { type = "turns"; host = "turn.meet.test"; port = 443; transport = "tcp"; algorithm = "turn"; secret = "s"; ttl = 600 } }
""")
Focus(prosody.component, prosody.secret)
ada, ben = Person(prosody, "Ada", "cuts"), Person(prosody, "Ben", "cuts")
eventually("they see each other", lambda: ada.tty.person("Ben") and ben.tty.person("Ada"))
services = [l for f in glob.glob(ada.trace + "/*") for l in open(f) if "urn:xmpp:extdisco:2" in l and "turn.meet.test" in l]
check(services and "expires" in services[0], "Prosody's external services came, with their end")
cut(ada, ben, 1, "1s")
many_cuts(ada, ben, 12)
if not SHORT:
    cut(ben, ada, 20, "20s")
    silent_line(ada, ben)
    restarted(prosody, ada, ben, signal.SIGTERM, "restarted")
    cut(ada, ben, 1, "after-restart")
    restarted(prosody, ada, ben, signal.SIGKILL, "killed")
if LONG:
    too_long(ada, ben, 62)
for p in (ada, ben):
    p.tty.command("/quit")
    check(p.tty.end() == 0, "%s leaves" % p.name)
if not SHORT:
    hasty = Prosody(host_more="  smacks_hibernation_time = %d\n" % LIMIT_S)
    Focus(hasty.component, hasty.secret)
    ada, ben = Person(hasty, "Ada", "long"), Person(hasty, "Ben", "long")
    eventually("they see each other", lambda: ada.tty.person("Ben") and ben.tty.person("Ada"))
    too_long(ada, ben, LIMIT_S)

"""Strangers' WebRTC against the rtc room itself, without any server: libwebrtc in Node, and werift.

Each pair has its own roles: who controls ICE, who is the client of DTLS, whether our way is an agent (as a client's)
or the host's one port.
"""
from lib import *

need("node", node=["@roamhq/wrtc", "werift"])
PEER = os.path.join(os.environ.get("PEER_BUILD", os.path.abspath("build/dbg")), "rtc_peer")
if not os.path.exists(PEER):
    skip("rtc_peer is not built (make peers builds it)")
OURS, THEIRS = 500, 900


class Talker:
    """A process of JSON lines: events in .events, its first line in .hello."""

    def __init__(self, args, logname):
        self.err = open(os.path.join(TMP, logname), "w")
        self.p = run_bg(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err, text=True, env=env(PEER_MODULES=MODULES))
        self.name, self.events = logname, []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for x in self.p.stdout:
            self.events.append(json.loads(x))

    def send(self, **x):
        self.p.stdin.write(json.dumps(x) + "\n")
        self.p.stdin.flush()

    def wait(self, what, test, timeout=15):
        end = time.monotonic() + timeout * SLOW
        while time.monotonic() < end:
            for e in self.events:
                if test(e):
                    return e
            time.sleep(0.02)
        print(self.name, self.events[-12:])
        self.err.flush()
        print(open(self.err.name).read()[-1500:])
        fail("%s: %s" % (self.name, what))

    def stats(self):
        before = sum(e.get("event") == "stats" for e in self.events)
        self.send(stats=True)
        self.wait("statistics", lambda e: sum(x.get("event") == "stats" for x in self.events) > before)
        return [e for e in self.events if e.get("event") == "stats"][-1]

    def end(self):
        self.p.stdin.close()
        return self.p.wait(10)


def raw(path, seconds):
    x = np.fromfile(path, dtype="<i2").astype(float) / 32768 if os.path.exists(path) else np.zeros(0)
    return x[-int(seconds * RATE):]


def second_of(path, hz):
    x = raw(path, 1)
    return len(x) >= RATE and heard_share(x, hz) > 0.95


def try_pair(stack, offers, client, mux=False, channel=False):
    """client: we are the client of DTLS.  offers: the stranger offers and so controls ICE, except against the host's
    port, which controls always."""
    what = "%s %s%s, we are DTLS %s" % (stack, "offers" if offers else "answers", ", one port" if mux else "", "client" if client else "server")
    n = len(flow._procs)
    our_file, their_file = (os.path.join(TMP, "heard-%d-%s" % (n, who)) for who in ("us", "them"))
    we = Talker([PEER] + ["mux"] * mux, "rtc_peer-%d" % n)
    hello = we.wait("its fingerprint", lambda e: "fingerprint" in e)
    they = Talker(["node", os.path.join(WEB, stack + ".js"), json.dumps(
        {"offers": offers, "client": not client, "channel": channel, "hz": THEIRS, "heard": their_file})], "%s-%d" % (stack, n))
    they.send(**hello)
    d = they.wait("its description", lambda e: "ufrag" in e)
    they.events.remove(d)
    we.send(**d, controlling=not offers, client=client, hz=OURS, heard=our_file, **({"channel": 5000} if channel else {}))
    we.wait("ICE and DTLS", lambda e: e.get("state") == "up")
    # werift has no Opus: it sends back what it gets.
    theirs = THEIRS if stack == "wrtc" else OURS
    eventually("%s: we hear the stranger for a second" % what, lambda: second_of(our_file, theirs))
    if stack == "wrtc":
        eventually("%s: the stranger hears us for a second" % what, lambda: second_of(their_file, OURS))
    return what, we, they


def part(what, we, they):
    s = we.stats()
    check(s["bad_srtp"] == 0 and s["malformed"] == 0 and s["lost"] == 0, "%s: nothing lost, nothing malformed in %d packets" % (what, s["in"]))
    check(we.end() == 0, "%s: our end ends with 0" % what)
    they.p.kill()


suites = set()
PAIRS = [(True, True), (False, False)] if SHORT else [(True, True), (True, False), (False, True), (False, False)]
for offers, client in PAIRS:
    what, we, they = try_pair("wrtc", offers, client, channel=True)
    we.wait("the data channel", lambda e: e.get("event") == "channel" and e["open"])
    they.wait("the data channel", lambda e: e.get("event") == "channel" and e["open"])
    we.send(say="hello, stranger")
    they.wait("our text", lambda e: e.get("text") == "hello, stranger")
    they.send(say="hello äöü \U0001f600 " + "x" * 9000)
    we.wait("its text, of several packets", lambda e: e.get("text", "").startswith("hello äöü \U0001f600 xxx") and len(e["text"]) == 9012)
    print("ok   %s: texts over the data channel both ways" % what)
    if (offers, client) == PAIRS[0] and not SHORT:
        time.sleep(8)
        s, t = we.stats(), they.stats()
        check(0 <= s["rtt_ms"] < 100, "%s: its reports give us a round trip of %.1f ms" % (what, s["rtt_ms"]))
        check(s["out_loss"] == 0, "and no loss")
        far = t.get("far") or {}
        check(far.get("packetsLost") == 0 and far.get("roundTripTimeMeasurements", 1) > 0 and 0 <= far.get("roundTripTime", -1) < 0.1,
              "ours give libwebrtc %.1f ms and no loss" % (1000 * far.get("roundTripTime", -1)))
        check(t.get("sender", {}).get("reportsSent", 1) > 0 and t.get("sender", {}).get("packetsSent", 0) > 100,
              "libwebrtc reads our sender reports (%d packets)" % t["sender"].get("packetsSent", 0))
        check(-20 < s["level"] < -10, "the level in the header says %d dBov" % s["level"])
    suites.add((they.stats()["transport"] or {}).get("srtpCipher"))
    part(what, we, they)
if not SHORT:
    for client in (True, False):
        part(*try_pair("wrtc", True, client, mux=True))
for client in [True] if SHORT else [True, False]:
    what, we, they = try_pair("werift", True, client, channel=True)
    we.wait("the data channel", lambda e: e.get("event") == "channel" and e["open"])
    we.send(say="hello, stranger")
    they.wait("our text", lambda e: e.get("text") == "hello, stranger")
    they.send(say="hello")
    we.wait("its text", lambda e: e.get("text") == "hello")
    print("ok   %s: texts over the data channel both ways" % what)
    suites.add(they.stats()["suite"])
    part(what, we, they)
check(None not in suites, "SRTP was %s" % ", ".join(sorted(str(s) for s in suites)))

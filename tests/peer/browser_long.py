"""Two browsers and two ttymeets for ten minutes: everybody hears everybody all the time, and nobody grows.  LONG only."""
from lib import *

if not LONG:
    skip("minutes; make peers LONG=1 runs it")
need("node", node=["playwright-core"])
chromium_path(), web_library()
MINUTES = float(os.environ.get("PEER_MINUTES", "10"))
PITCH = {"Anna": 500, "Bert": 900, "Wanda": 700, "Xaver": 1100}
host = Host()
ttys = [Tty(host.room("long"), n, PITCH[n]) for n in ("Anna", "Bert")]
for t in ttys:
    t.wait("joined")
    t.id = t.result("status")["me"]["id"]
webs = [Browser(host.url, "long", n, PITCH[n], video=True).joined() for n in ("Wanda", "Xaver")]
everyone = ttys + webs
everybody_hears(ttys, webs)

time.sleep(10)
memory = {t: t.result("stats")["rss_kib"] for t in ttys}
worst, pictures, parts = {}, {w: 0 for w in webs}, 0
start = time.monotonic()
while time.monotonic() - start < MINUTES * 60:
    time.sleep(20)
    parts += 1
    for t in ttys:
        x = t.heard(19)
        for other in everyone:
            if other is not t:
                key = (t.name, other.name)
                worst[key] = min(worst.get(key, 1), heard_share(x, other.hz))
    for w in webs:
        for other in everyone:
            if other is not w:
                key = (w.name, other.name)
                worst[key] = min(worst.get(key, 1), heard_share(w.heard(other.id, 19), other.hz))
        frames = sum(s.get("framesDecoded", 0) for s in w.do("stats")["in"])
        check(frames > pictures[w], "minute %.1f: %s has %d frames, %s" % (
            (time.monotonic() - start) / 60, w.name, frames, "least share so far %.1f %%" % (100 * min(worst.values()))))
        pictures[w] = frames
for (who, whom), share in sorted(worst.items()):
    check(share > 0.97, "%s hears %s in the worst of %d parts of 20 s %.1f %%" % (who, whom, parts, 100 * share))
for w in webs:
    s = w.do("stats")["in"]
    lost, got = (sum(x[k] for x in s) for k in ("packetsLost", "packetsReceived"))
    check(lost <= got / 1000, "browser %s lost %d of %d packets" % (w.name, lost, got))
    hidden, all_ = (sum(x.get(k, 0) for x in s if x["kind"] == "audio") for k in ("concealedSamples", "totalSamplesReceived"))
    check(hidden < 0.02 * all_, "and made up %.2f %% of its sound" % (100 * hidden / all_))
for t in ttys:
    s = t.result("stats")
    check(s["in"]["lost"] == 0, "%s lost no packet of %d" % (t.name, s["in"]["packets"]))
    check(s["rss_kib"] < memory[t] + 2048, "%s: %d KiB at the beginning, %d at the end" % (t.name, memory[t], s["rss_kib"]))
    t.command("quit")
    check(t.end() == 0, t.name + " leaves with 0")
check(not [e for w in webs for e in w.errors()], "no error in the pages")
for w in webs:
    w.quit()

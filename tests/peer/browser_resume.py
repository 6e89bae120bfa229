"""A browser's line to our host is cut for a moment: lib-jitsi-meet resumes its stream, nobody sees it leave, what is said
meanwhile comes afterwards, and the sound goes its own way all the time."""
import urllib.request
from lib_xmpp import *

need("node", node=["playwright-core"])
chromium_path(), web_library()
host = Host()
line = Cuttable(host.port)
anna = Tty(host.room("cut"), "Anna", hz=500)
anna.wait("joined")
wanda = Browser("http://127.0.0.1:%d/" % line.port, "cut", "Wanda", hz=700, options={"enableWebsocketResume": True}).joined()
anna.id_of("Wanda")
me = anna.result("status")["me"]["id"]
wanda.hears(me, 500)
eventually("Anna hears the browser", lambda: heard_share(anna.heard(1), 700) > 0.9)


def stats():
    with urllib.request.urlopen(host.url + "stats") as f:
        return json.load(f)


for seconds in (1,) if SHORT else (1, 6):
    resumed = stats()["resumed"]
    line.cut()
    time.sleep(seconds)
    anna.command("say said in the dark %d" % seconds)
    line.mend()
    wanda.wait("message", id=me, text="said in the dark %d" % seconds, timeout=40)
    check(stats()["resumed"] == resumed + 1, "the browser resumed its stream after %d s" % seconds)
    wanda.do("say", "light again %d" % seconds)
    anna.wait("message", text="light again %d" % seconds)
    check(not [e for e in anna.drain() if e["event"] == "person-left"], "nobody saw it leave")
    check_hears("Anna", anna.heard(seconds + 1), {"Wanda": 700}, 500, gap_ms=60)
    check(len([e for e in wanda.events if e["event"] == "message" and e["text"] == "said in the dark %d" % seconds]) == 1,
          "and heard it once")
wanda.do("leave")
anna.wait("person-left", person__name="Wanda")
wanda.quit()

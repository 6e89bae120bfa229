"""Two ttymeets in a room of a real Prosody, with a small focus, over a bridge that is libwebrtc: nothing of ours in between.

Anna's way leads over coturn alone, by credentials that Prosody made for her (XEP-0215).
"""
import re
from lib_focus import *

if SHORT:
    skip("signalling and media have short forms of their own")
need("prosody", "turnserver", "node", node=["@roamhq/wrtc"])
ANNA, BERT = 500, 900


class Convention(Prosody):
    """No config.js: its URL alone says where all is."""
    DOMAIN = "localhost"

    def room(self, name):
        return "http://localhost:%d/%s" % (self.http, name)


SECRET, TURN = "between-the-two", free_port()
run_bg([shutil.which("turnserver") or "/usr/sbin/turnserver", "-n", "-v", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1",
        "--listening-port", str(TURN), "--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "localhost",
        "--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls", "--log-file", "stdout", "--pidfile", TMP + "/turn.pid",
        "--userdb", TMP + "/turn.db"], "turn.log")
prosody = Convention(modules=["external_services"], host_more="""
  external_services = { { type = "turn"; host = "127.0.0.1"; port = %d; transport = "udp"; algorithm = "turn"; secret = "%s"; ttl = 600 } }
""" % (TURN, SECRET))
bridge = Bridge()
focus = Focus(prosody, bridge)
anna = Tty(prosody.room("stranger"), "Anna", ANNA, ["--relay-only"])
anna.wait("joined", timeout=20)
check(anna.result("status")["media"] != "connected", "alone in the room Anna has no media yet")
bert = Tty(prosody.room("stranger"), "Bert", BERT)
bert.wait("joined", timeout=20)
for c in (anna, bert):
    eventually("%s has media through the stranger's bridge" % c.name, lambda: c.result("status")["media"] == "connected", 20)
check(sorted(focus.sessions.values()) == ["accepted"] * 2 and not focus.refused, "both accepted their sessions")
eventually("Anna hears Bert", lambda: heard_share(anna.heard(1), BERT) > 0.95)
eventually("Bert hears Anna", lambda: heard_share(bert.heard(1), ANNA) > 0.95)
time.sleep(6)
check_hears("Anna", anna.heard(5), {"Bert": BERT}, ANNA, share=0.97, gap_ms=100)
check_hears("Bert", bert.heard(5), {"Anna": ANNA}, BERT, share=0.97, gap_ms=100)
s = anna.result("stats")
check([p["id"] for p in s["per_person"]] == [bert.result("status")["me"]["id"]], "Anna's figures name Bert as who is heard")
check(s["in"]["lost"] == 0, "and nothing is lost")
ids = {c: c.result("status")["me"]["id"] for c in (anna, bert)}
b = bridge.ask(stats=True)
check(b[ids[anna]]["in"]["packetsLost"] == 0 and b[ids[anna]]["in"]["packetsReceived"] > 300,
      "the bridge had %d packets of Anna, lost none" % b[ids[anna]]["in"]["packetsReceived"])

check("relay" in s["path"], "Anna's way: %s" % s["path"])
check("relay" not in bert.result("stats")["path"], "Bert's: %s" % bert.result("stats")["path"])
users = set(re.findall(r"user <(\d+)>: incoming packet ALLOCATE processed, success", open(TMP + "/turn.log").read()))
check(len(users) == 1, "coturn gave her a relay by the name that Prosody made, the time of its end: %s" % ", ".join(users))
for c in (anna, bert):
    eventually("the bridge has %s's channel" % c.name, lambda: any(e["event"] == "channel" and e["id"] == ids[c] for e in bridge.events))
    eventually("and reads over it that %s wants no pictures" % c.name, lambda: any(
        e["event"] == "message" and e["id"] == ids[c] and json.loads(e["text"]).get("lastN") == 0 for e in bridge.events))
bridge.ask(say={"colibriClass": "ServerHello", "version": "stranger"})
bridge.ask(say={"colibriClass": "DominantSpeakerEndpointChangeEvent", "dominantSpeakerEndpoint": ids[bert], "previousSpeakers": []})
eventually("what the bridge says over it is heard: Bert has the word", lambda: (anna.last("speaker") or {"person": {}})["person"].get("name") == "Bert")

anna.command("say good evening")
check(bert.wait("message", text="good evening")["from"] == "Anna", "chat through Prosody's room")
bert.command("msg Anna psst")
check(anna.wait("message", text="psst")["private"], "and a private word")
bert.command("hand")
anna.wait("hand", person__name="Bert", on=True)
bert.command("mute")
eventually("muted, Bert is silent and seen muted", lambda: heard_share(anna.heard(0.5), BERT) == 0 and anna.person("Bert")["muted"])
bert.command("unmute")
eventually("and heard again", lambda: heard_share(anna.heard(0.5), BERT) > 0.9)
bert.command("quit")
check(bert.end() == 0, "Bert leaves with 0")
anna.wait("person-left", person__name="Bert")

"""A relay's credentials end in the middle of a call, or its secret is changed: the call goes on with those that the server gives anew.

Prosody makes them (XEP-0215, time-limited, of a secret that it shares with coturn), the bridge is libwebrtc, and Anna may use
nothing but the relay.
"""
import re
from lib_focus import *

if SHORT:
    skip("minutes of a call")
need("prosody", "turnserver", "node", node=["@roamhq/wrtc"])
ANNA, BERT = 500, 900
port = free_port()
TURN_FILE = TMP + "/turn-file"


class Turn:
    def __init__(self, secret):
        self.secret, self.n = secret, 0
        self.start()

    def start(self):
        self.n += 1
        self.log = "turn-%d.log" % self.n
        self.p = run_bg([shutil.which("turnserver") or "/usr/sbin/turnserver", "-n", "-v", "--listening-ip", "127.0.0.1", "--relay-ip",
                         "127.0.0.1", "--listening-port", str(port), "--use-auth-secret", "--static-auth-secret", self.secret, "--realm",
                         "localhost", "--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls", "--log-file", "stdout",
                         "--pidfile", TMP + "/turn.pid", "--userdb", TMP + "/turn.db"], self.log)
        eventually("coturn listens", lambda: "UDP listener opened" in self.text(), 10)

    def text(self):
        return open(os.path.join(TMP, self.log)).read()

    def again(self, secret=None):
        """Killed, and another one in its place: what was allocated is gone, who asks is looked at anew."""
        self.p.kill()
        self.p.wait(5)
        self.secret = secret or self.secret
        self.start()

    def users(self):
        """Whom it gave relays, by the ends of their names' times."""
        return [int(u) for u in re.findall(r"user <(\d+)>: incoming packet ALLOCATE processed, success", self.text())]

    def refusals(self):
        return len(re.findall(r"user <\d+>: incoming packet \w+ processed, error 401", self.text()))


def name(secret, seconds):
    """From now on Prosody makes credentials of this secret, for as long."""
    with open(TURN_FILE + "~", "w") as f:
        f.write("127.0.0.1 %d %s %d" % (port, secret, seconds))
    os.replace(TURN_FILE + "~", TURN_FILE)


class Convention(Prosody):
    DOMAIN = "localhost"

    def room(self, name):
        return "http://localhost:%d/%s" % (self.http, name)


turn = Turn("first")
name("first", 30)
prosody = Convention(modules=["external_services", "turn_file"], more="", host_more='  turn_file = "%s"\n' % TURN_FILE)
bridge = Bridge()
focus = Focus(prosody, bridge)
anna = Tty(prosody.room("time"), "Anna", ANNA, ["--relay-only", "-vv"])
anna.wait("joined", timeout=20)
bert = Tty(prosody.room("time"), "Bert", BERT)
bert.wait("joined", timeout=20)


def both_hear():
    return heard_share(anna.heard(1), BERT) > 0.9 and heard_share(bert.heard(1), ANNA) > 0.9


def goes_on(what, limit):
    """Without a key press; the time runs from now."""
    began = time.monotonic()
    eventually("%s: sound again both ways" % what, both_hear, limit)
    took = time.monotonic() - began
    check("relay" in anna.result("stats")["path"], "%s: sound again after %.1f s, by %s" % (what, took, anna.result("stats")["path"]))


def said(*words):
    return [e for e in anna.drain() if all(w in (e.get("text") or "") for w in words)]


eventually("Anna and Bert hear each other", both_hear, 30)

# ---- they end while the call goes on ----

first = turn.users()[0]
check(first - time.time() < 31, "Anna's credentials end in %.0f s" % (first - time.time()))
time.sleep(max(first - time.time(), 0) + 2)
check(both_hear(), "they have ended, and the sound goes on")
turn.again()                    # whoever comes with those now is refused
time.sleep(1.5)                 # what was heard before is forgotten
goes_on("a relay that forgot us, and credentials that have ended", 25)
check(turn.users() and min(turn.users()) > first and turn.users()[-1] > time.time(),
      "coturn took ones that end later: %s after %d" % (turn.users(), first))
check(turn.refusals() == 0, "and none that had ended was shown to it")

# ---- another secret: what we have is refused although its time is not over ----

named = prosody.log().count("named turn")
name("first", 3600)
eventually("Anna has asked again, and has an hour", lambda: prosody.log().count("named turn") > named, 40)
name("second", 3600)
turn.again("second")
time.sleep(1.5)
goes_on("another secret", 25)
check(turn.refusals() > 0, "coturn refused what she had (%d times)" % turn.refusals())
check(not said("TURN refused"), "and nobody had to read of it")

# ---- and when there are no others ----

turn.again("third")
eventually("Anna says so", lambda: said("the relay 127.0.0.1 over UDP", "TURN refused the credentials"), 40)
check("and so it does new ones" in said("TURN refused the credentials")[-1]["text"], "in words: %s" % said("TURN refused the credentials")[-1]["text"])
check(anna.result("status")["media"] == "interrupted", "the sound is away")
name("third", 3600)
began = time.monotonic()        # for a new session the small focus has to be joined anew
eventually("Anna hears Bert again", lambda: heard_share(anna.heard(1), BERT) > 0.9, 90)
check(anna.result("status")["media"] == "connected" and turn.users(), "credentials that come late: sound again after %.0f s, without a key press"
      % (time.monotonic() - began))
for c in (anna, bert):
    c.command("quit")
    check(c.end() == 0, "%s leaves with 0" % c.name)

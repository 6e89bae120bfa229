"""lib.py - what the tests with real peers share

A peer is a program that we did not write: a browser, an XMPP server, a TURN server, another stack of
WebRTC.  Each tests/peer/*.py runs by itself with the system's python3 and numpy, prints `ok` or `FAILED` lines and
ends with 0, 1, or 77 if what it needs is not on this machine.  SHORT asks for the form of some seconds that is a part
of `make check`, LONG for the one of minutes.
"""
import importlib.util
import subprocess
import glob
import itertools

_HERE = __import__("os").path.dirname(__import__("os").path.abspath(__file__))
_spec = importlib.util.spec_from_file_location("flow_lib", _HERE + "/../flow/lib.py")
flow = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(flow)
globals().update({k: v for k, v in vars(flow).items() if not k.startswith("__")})

SHORT = bool(os.environ.get("PEER_SHORT"))
LONG = bool(os.environ.get("PEER_LONG"))
MODULES = os.environ.get("PEER_MODULES", os.path.abspath("build/peers/node_modules"))
WEB = os.path.join(_HERE, "web")
PYTHON = sys.executable


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def need(*programs, node=()):
    """Skips this test unless these programs and node packages are here."""
    missing = [p for p in programs if not shutil.which(p) and not os.path.exists("/usr/sbin/" + p)]
    missing += [n for n in node if not os.path.exists(os.path.join(MODULES, n))]
    if missing:
        skip("not on this machine: " + ", ".join(missing) + " (make peers installs them)")


def run_bg(args, logname=None, **kw):
    """Starts a stranger that ends with this test; its words are in TMP/logname."""
    if logname:
        kw.setdefault("stdout", open(os.path.join(TMP, logname), "w"))
        kw.setdefault("stderr", subprocess.STDOUT)
    kw.setdefault("stdin", subprocess.DEVNULL)
    p = subprocess.Popen(args, **kw)
    flow._procs.append(p)
    return p


def free_port(kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


def wait_port(port, what, timeout=20):
    def open_now():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    eventually("%s listens" % what, open_now, timeout)


# ---- sounds: everybody hums a pitch of their own ----

def loudness(x, hz, window_ms=40):
    """How loud the pitch is, window by window; a tone of full scale is 1.  Pitches that lie 1000 / window_ms
    apart do not hear each other."""
    n = RATE * window_ms // 1000
    x = x[:len(x) // n * n].reshape(-1, n)
    w = np.exp(-2j * np.pi * hz * np.arange(n) / RATE) * np.hanning(n) * 4 / n
    return np.abs(x @ w)


def heard_share(x, hz, floor=0.03):
    """The share of windows in which the pitch is there."""
    level = loudness(x, hz)
    return float(np.mean(level > floor)) if len(level) else 0.0


def longest_gap_ms(x, hz, floor=0.03, window_ms=20):
    """Between the first and the last sound of that pitch."""
    there = np.flatnonzero(loudness(x, hz, window_ms) > floor)
    return int(np.max(np.diff(there)) - 1) * window_ms if len(there) > 1 else 10 ** 6


def check_hears(who, x, others, own=None, share=0.95, gap_ms=None):
    """x holds each of these pitches ({name: hz}) nearly always, and one's own never."""
    for name, hz in others.items():
        got = heard_share(x, hz)
        check(got >= share, "%s hears %s (%g Hz) %.1f %% of %.1f s" % (who, name, hz, 100 * got, len(x) / RATE))
        if gap_ms is not None:
            gap = longest_gap_ms(x, hz)
            check(gap <= gap_ms, "%s: longest gap in %s %d ms" % (who, name, gap))
    if own:
        got = heard_share(x, own, 0.01)
        check(got < 0.02, "%s does not hear itself (%g Hz in %.1f %%)" % (who, own, 100 * got))


class Tty(Client):
    """A headless ttymeet that hums `hz` (None: silent) and keeps what it hears; heard() may be asked in mid-call."""

    def __init__(self, url, name, hz=None, args=(), mic=None, **kw):
        self.out = os.path.join(TMP, "heard-%s-%d.wav" % (name, len(flow._procs)))
        super().__init__(url, name, args, mic or ("tone:%g" % hz if hz else "null"), "file:" + self.out, **kw)
        self.hz = hz

    def heard(self, seconds=None):
        """What came so far, or its last seconds: a WAV that is being written, its channels in one."""
        with open(self.out, "rb") as f:
            data = f.read()
        if len(data) < 44:
            return np.zeros(0)
        channels = data[22]
        data = data[44:]
        x = np.frombuffer(data[:len(data) // (2 * channels) * 2 * channels], dtype="<i2").astype(float) / 32768
        x = x.reshape(-1, channels).mean(axis=1)
        return x[-int(seconds * RATE):] if seconds else x

    def last(self, what):
        """The last event of that kind so far."""
        return next((e for e in reversed(self.drain()) if e["event"] == what), None)

    def person(self, name):
        for p in self.result("people"):
            if p["name"] == name:
                return p
        return None

    def id_of(self, name):
        eventually("%s sees %s" % (self.name, name), lambda: self.person(name))
        return self.person(name)["id"]


# ---- the browser ----

def chromium_path():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    skip("not on this machine: chromium (make peers installs it)")


def web_library(which="2021"):
    """Another one may be given: LJM=FILE make peers."""
    if os.environ.get("LJM"):
        return os.path.abspath(os.environ["LJM"])
    found = sorted(glob.glob(os.path.join(MODULES, "..", "lib-jitsi-meet-" + which, "*.min.js")))
    if not found:
        skip("no lib-jitsi-meet here (make peers fetches it)")
    return os.path.abspath(found[0])


class Browser:
    """Chromium in a room of `url`; events in order in .events, do("say", "hi") calls page.js."""

    def __init__(self, url, room, name, hz=None, video=False, lib="2021", **options):
        n = len(flow._procs)
        self.name, self.hz = name, hz
        self.dir = os.path.join(TMP, "browser-%d" % n)
        os.makedirs(self.dir + "/heard")
        o = {"url": url, "room": room, "name": name, "video": video, "lib": web_library(lib), "chromium": chromium_path(),
             "profile": self.dir + "/profile", "heard": self.dir + "/heard", **options}
        if hz:
            # A whole number of periods: the file is played in a loop.
            o["wav"] = write_wav("hum-%s-%d.wav" % (name, n), tone(hz, 10))
        self.err = open(self.dir + "/log", "w")
        self.events, self.answers, self.ids = [], {}, itertools.count(1)
        self.news = threading.Condition()
        self.p = run_bg(["node", os.path.join(WEB, "browser.js"), json.dumps(o)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=self.err, text=True, env=env(PEER_MODULES=MODULES))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.p.stdout:
            try:
                x = json.loads(line)
            except ValueError:
                x = {"event": "garbage", "text": line}
            with self.news:
                if "event" in x:
                    self.events.append(x)
                else:
                    self.answers[x["id"]] = x
                self.news.notify_all()
        with self.news:
            self.events.append({"event": "eof"})
            self.news.notify_all()

    def mark(self):
        """Where the events end now: wait(..., since=mark) takes later ones alone."""
        return len(self.events)

    def wait(self, event, timeout=20, since=0, **fields):
        def found():
            return next((e for e in self.events[since:] if e["event"] == event and all(match(e, k, v) for k, v in fields.items())), None)
        with self.news:
            self.news.wait_for(lambda: found() or self.events[-1:] == [{"event": "eof"}], timeout * SLOW)
            got = found()
        if not got:
            self.dump()
            fail("browser %s: no %s %r within %s s" % (self.name, event, fields, timeout))
        return got

    def last(self, event):
        return next((e for e in reversed(self.events) if e["event"] == event), None)

    def dump(self):
        for e in self.events[-25:]:
            print("   ", self.name, e)
        print(open(self.dir + "/log").read()[-1500:])

    def do(self, what, *args, timeout=30):
        i = next(self.ids)
        try:
            self.p.stdin.write(json.dumps({"id": i, "do": what, "args": args}) + "\n")
            self.p.stdin.flush()
        except OSError:
            self.dump()
            fail("browser %s is gone" % self.name)
        with self.news:
            self.news.wait_for(lambda: i in self.answers, timeout * SLOW)
            a = self.answers.pop(i, {"error": "no answer within %d s" % timeout})
        if "error" in a:
            self.dump()
            fail("browser %s: %s: %s" % (self.name, what, a["error"]))
        return a["result"]

    def joined(self, timeout=60):
        self.id = self.wait("joined", timeout)["id"]
        return self

    def heard(self, who, seconds=None):
        """What was heard of the endpoint `who`."""
        path = "%s/heard/%s.raw" % (self.dir, who)
        if not os.path.exists(path):
            return np.zeros(0)
        x = np.fromfile(path, dtype="<i2").astype(float) / 32768
        return x[-int(seconds * RATE):] if seconds else x

    def hears(self, who, hz, timeout=20):
        """Waits for the first second of that pitch from the endpoint `who`."""
        eventually("browser %s hears %s at %g Hz" % (self.name, who, hz),
                   lambda: heard_share(self.heard(who, 1), hz) > 0.9, timeout)

    def errors(self):
        """What went wrong in the page.  Its icon does not count, nor that a bridge closes the channel of who left."""
        return [e["text"] for e in self.events if e["event"] in ("console", "page-error", "error", "failed")
                and "404" not in e["text"] and "Channel closed: 1001 left" not in e["text"]]

    def quit(self):
        """Closes as a user does; without it the end of the test kills it."""
        if self.p.poll() is None:
            self.p.stdin.close()
            try:
                self.p.wait(10)
            except subprocess.TimeoutExpired:
                self.p.kill()


def everybody_hears(ttys, webs):
    """Waits until each of the Ttys and Browsers hears the pitch of each other one."""
    everyone = ttys + webs
    for w in webs:
        for other in everyone:
            if other is not w:
                w.hears(other.id, other.hz)
    for t in ttys:
        for other in everyone:
            if other is not t:
                eventually("%s hears %s" % (t.name, other.name), lambda: heard_share(t.heard(1), other.hz) > 0.9)


# ---- Prosody ----

class Prosody:
    """A Prosody of our own: anonymous guests, rooms, WebSocket, stream management, a focus as component.
    `more` is text for the end of its config, `modules` more modules of its host.  Guests are given their old name
    back as by Jitsi's servers (auth "guests", of tests/peer/prosody), or never (auth "anonymous")."""

    DOMAIN = "meet.test"

    def __init__(self, modules=(), more="", host_more="", auth="anonymous"):
        need("prosody")
        n = len(flow._procs)
        self.dir = os.path.join(TMP, "prosody-%d" % n)
        os.makedirs(self.dir + "/data")
        self.http, self.component = free_port(), free_port()
        self.secret = "focus-secret"
        self.config = self.dir + "/prosody.cfg.lua"
        names = ", ".join('"%s"' % m for m in ("saslauth", "disco", "ping", "websocket", "smacks", "c2s", "http", "bosh", *modules))
        with open(self.config, "w") as f:
            f.write("""
plugin_paths = { "%(plugins)s" }
pidfile = "%(dir)s/pid"; data_path = "%(dir)s/data"; log = { debug = "%(dir)s/log" }
run_as_root = true; daemonize = false
interfaces = { "127.0.0.1" }; c2s_ports = { }; s2s_ports = { }; legacy_ssl_ports = { }
http_ports = { %(http)d }; http_interfaces = { "127.0.0.1" }; https_ports = { }
component_ports = { %(component)d }; component_interfaces = { "127.0.0.1" }
modules_enabled = { %(names)s }; modules_disabled = { "s2s", "tls", "posix" }
http_default_host = "%(domain)s"
consider_websocket_secure = true; consider_bosh_secure = true; cross_domain_websocket = true
c2s_require_encryption = false; authentication = "anonymous"; allow_anonymous_s2s = false
smacks_hibernation_time = 60
VirtualHost "%(domain)s"
  authentication = "%(auth)s"
%(host_more)s
Component "conference.%(domain)s" "muc"
  modules_enabled = { "muc_mam" } muc_room_locking = false; muc_room_default_public_jids = true
Component "focus.%(domain)s"
  component_secret = "%(secret)s"
%(more)s
""" % {"plugins": os.path.join(_HERE, "prosody"), "auth": auth, "dir": self.dir, "http": self.http, "component": self.component, "names": names, "domain": self.DOMAIN,
                "host_more": host_more, "secret": self.secret, "more": more})
        self.start()

    def start(self):
        self.p = run_bg(["prosody", "--config", self.config], "prosody-%d.out" % self.http)
        wait_port(self.http, "Prosody")

    def stop(self, sig=signal.SIGTERM):
        self.p.send_signal(sig)
        self.p.wait(10)

    def websocket(self):
        return "ws://127.0.0.1:%d/xmpp-websocket" % self.http

    def log(self):
        return open(self.dir + "/log").read()

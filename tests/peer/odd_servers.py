"""Old and odd servers: each scenario is a whole call of two ttymeets through a server that misbehaves.

By name on the command line, or all; the short form is what `make check` runs.
"""
import concurrent.futures
import base64
import hashlib
import hmac
import re
import sys
import threading
import traceback
import urllib.parse
from lib import *
from lib_odd import Odd

host = Host()
dotted = Host(args=["--domain", "localhost"])
FOCUS = "http://jitsi.org/protocol/focus"
SHORT_ONES, SCENARIOS = [], {}


def scenario(short=False):
    def add(fn):
        SCENARIOS[fn.__name__] = fn
        if short:
            SHORT_ONES.append(fn.__name__)
        return fn
    return add


_one_at_a_time = threading.Lock()       # Client numbers its sockets by how many there are


def client(*args, **kw):
    with _one_at_a_time:
        return Client(*args, **kw)


def ok(it, text):
    if not it:
        raise AssertionError(text)


def hears(c, other, timeout=15):
    end = time.monotonic() + timeout
    while not any(p["talking"] for p in c.result("people") if p["name"] == other):
        ok(time.monotonic() < end and c.p.poll() is None, "%s does not hear %s" % (c.name, other))
        time.sleep(0.1)


def two(odd, room, args=(), timeout=15, second=None, **kw):
    """Two people through it, who see each other and have sound; the one who went through is first."""
    a = client(odd.url(room), "Anna", mic="tone:440", args=list(args), **kw)
    a.wait("joined", timeout=timeout)
    b = client((second or odd).url(room), "Ben", mic="tone:600", **kw)
    b.wait("joined", timeout=timeout)
    for c, other in ((a, "Ben"), (b, "Anna")):
        c.wait("media", media="connected", timeout=timeout)
        hears(c, other, timeout)
    return a, b


def bye(*clients):
    for c in clients:
        c.command("quit")
        code = c.end()
        if code:
            c.dump()
        ok(code == 0, "%s left with %d" % (c.name, code))


def turned_away(odd, room, code, words, args=(), timeout=20, **kw):
    c = client(odd.url(room), "Anna", args=list(args), **kw)
    left = c.wait("left", timeout=timeout)
    ok(c.end() == code, "exit code")
    for w in [words] if isinstance(words, str) else words:
        if w not in left.get("text", left.get("reason", "")):
            raise AssertionError("said %r, not %r" % (left, w))


STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
NOT_AUTHORIZED = "<error type='auth'><not-authorized xmlns='%s'/></error>" % STANZAS


def answer(conn, text, kind, inner):
    """The focus's, to the conference request in text."""
    iq = re.search(r"id=['\"]([^'\"]+)", text).group(1)
    conn.down("<iq xmlns='jabber:client' type='%s' id='%s' from='focus.ttymeet.local'>%s</iq>" % (kind, iq, inner))
    return []


def is_join(text):
    return text.startswith("<presence") and "http://jabber.org/protocol/muc\"" in text.replace("'", '"')


def refuse_join(conn, text, error):
    to = re.search(r"to=['\"]([^'\"]+)", text).group(1)
    conn.down("<presence xmlns='jabber:client' type='error' from='%s'>%s</presence>" % (to, error))
    return []


# ---- config.js and addresses ----

@scenario(short=True)
def no_config_js():
    """The usual addresses are tried."""
    odd = Odd(dotted, js=False, name="localhost")
    bye(*two(odd, "no-config"))
    ok(any(p.startswith("/xmpp-websocket?room=no-config") for p in odd.hits), "by convention")


@scenario()
def no_config_js_docker():
    """The host's name is no domain of the server: Docker's are tried."""
    def up(conn, text):
        if text.startswith("<open") and "to=\"localhost\"" in text.replace("'", '"'):
            conn.down("<stream:error xmlns:stream='http://etherx.jabber.org/streams'><host-unknown "
                      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
            return []
        return [text.replace("muc.meet.jitsi", "conference.localhost").replace("meet.jitsi", "localhost")]

    def down(conn, text):
        return [text.replace("conference.localhost", "muc.meet.jitsi").replace("localhost", "meet.jitsi")
                if "session-initiate" not in text else text.replace("conference.localhost", "muc.meet.jitsi")
                .replace("auth.localhost", "auth.meet.jitsi")]
    odd = Odd(dotted, js=False, name="localhost", up=up, down=down)
    bye(*two(odd, "docker"))


@scenario(short=True)
def config_js_of_functions():
    """Functions, templates, spread, conditions, comments, minified parts, SSI left in."""
    def js(odd, path):
        return """/* eslint-disable */
var subdir = '<!--# echo var="subdir" default="" -->';
var subdomain = '<!--# echo var="subdomain" default="" -->';
if (subdir.startsWith('<!--')) { subdir = ''; }
if (subdomain) { subdomain = subdomain.substr(0, subdomain.length - 1).split('.').join('_').toLowerCase() + '.'; }
const parts = ['ttymeet', 'local']; // the domain
function at(what, dir = '') { return `${what}//${location.host}/${dir}`; }
var defaults = { hosts: { domain: parts.join('.'), focus: `focus.${parts.join('.')}` }, onlyHere: () => { return 1; } };
var config = { ...defaults, websocket: undefined, };
config.hosts.muc = 'conference.' + subdomain + config.hosts.domain;
if (!config.hasOwnProperty('bosh')) config.bosh = at(location.protocol, subdir + 'http-bind');
!function(e){e.websocket=at(location.protocol.replace("http","ws"),subdir+"xmpp-websocket")}(config);
for (var i = 0; i < 3; i++) { config.hosts.domain = 'wrong.example'; }
try { config.analytics = JSON.parse(localStorage.x); } catch (e) { config.hosts = null; }
"""
    bye(*two(Odd(host, js=js), "functions"))


@scenario()
def docker_in_three_parts():
    def js(odd, path):
        return ("if (!config.hasOwnProperty('hosts')) config.hosts = {};\nconfig.hosts.domain = 'ttymeet.local';\n"
                "config.focusUserJid = 'focus@auth.ttymeet.local';\nconfig.hosts.muc = 'conference.ttymeet.local';\n"
                "config.bosh = '%s/http-bind';\nconfig.websocket = '%s/xmpp-websocket';\n"
                "// Video configuration.\nconfig.resolution = 720;\nconfig.p2p = { enabled: true };\n"
                "// mine\nconfig.startAudioMuted = 10" % (odd.here(), odd.here("ws")))
    bye(*two(Odd(host, js=js), "three-parts"))


@scenario()
def websocket_elsewhere():
    """Of another host and port, relative, and without a scheme."""
    other = Odd(host, name="localhost")
    for n, ws in enumerate(["ws://localhost:%d/xmpp-websocket" % other.port, "//localhost:%d/xmpp-websocket" % other.port,
                            "/xmpp-websocket", "xmpp-websocket"]):
        odd = Odd(host, js="var config = { hosts: { domain: 'ttymeet.local' }, websocket: '%s' };" % ws)
        bye(*two(odd, "elsewhere%d" % n))
        page = odd if ws[0] in "/x" and ws[1] != "/" else other
        ok(any("xmpp-websocket" in h for h in page.hits), "dialled there")


@scenario(short=True)
def tenants():
    """Dots, capitals and letters beyond ASCII, in tenant and room."""
    def js(odd, path):
        tenant = urllib.parse.unquote(path.split("/config.js")[0].strip("/"))
        return ("var subdir = '%s', subdomain = '%s';\nif (subdomain) { subdomain = subdomain.substr(0, subdomain.length - 1)"
                ".split('.').join('_').toLowerCase() + '.'; }\nvar config = { hosts: { domain: 'ttymeet.local', "
                "muc: 'conference.' + subdomain + 'ttymeet.local' }, websocket: '%s/' + subdir + 'xmpp-websocket' };"
                % (tenant and tenant + "/", tenant and tenant + ".", odd.here("ws")))

    def up(conn, text):
        return [text.replace("conference.chor_nord.", "conference.")]

    def down(conn, text):
        return [text.replace("@conference.ttymeet.local", "@conference.chor_nord.ttymeet.local")]
    odd = Odd(host, js=js, up=up, down=down)
    bye(*two(odd, "Chor.Nord/Gr%C3%B6%C3%9Fe%202"))
    # The cleaned form, for nginx hands it on as typed; the room encoded once more.
    ok(any(h.startswith("/chor_nord/xmpp-websocket?room=gr%25c3%25b6%25c3%259fe%25202") for h in odd.hits), odd.hits)
    ok(any("gr%c3%b6%c3%9fe%202@conference.chor_nord.ttymeet.local" in t for t in odd.texts()), "room's address")


@scenario()
def config_js_redirects():
    """One server sends us to another, as large deployments do."""
    other = Odd(host)
    odd = Odd(host, redirect=lambda s, path: other.here() + path if "config.js" in path else None)
    bye(*two(odd, "moved"))
    ok(not any("xmpp" in h for h in odd.hits) and any("xmpp" in h for h in other.hits), "the other one is used")


@scenario()
def websocket_redirects():
    """A shard that has moved answers the upgrade with a redirect: followed, or said in words."""
    other = Odd(host)
    odd = Odd(host, socket_answer=lambda s, path: (302, "Location: %s%s\r\n" % (other.here("ws"), path)))
    bye(*two(odd, "shard"))
    ok(any("xmpp" in h for h in other.hits), "the other one is used")


FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"


def see_uri(uri):
    return "<close xmlns='%s' see-other-uri='%s'/>" % (FRAMING, uri)


def see_host(name):
    return ("<stream:error xmlns:stream='http://etherx.jabber.org/streams'><see-other-host "
            "xmlns='urn:ietf:params:xml:ns:xmpp-streams'>%s</see-other-host></stream:error>" % name)


@scenario(short=True)
def stream_sends_elsewhere():
    """The stream itself names another server: at login, from inside the room, to one that nobody vouches for."""
    second, third = Odd(host), Odd(host)
    first = Odd(host, down=lambda conn, text: [see_uri(second.here("ws") + "/xmpp-websocket") if "<open" in text else text])
    a, b = two(first, "elsewhere", second=Odd(host))
    ok(len(first.streams) == 1 and len(second.streams) == 1, "followed once")
    for there, said in ((third, see_host("127.0.0.1:%d" % third.port)), (second, see_uri(second.here("ws") + "/xmpp-websocket"))):
        before = len(there.streams)
        (second if there is third else third).streams[-1].down(said)
        a.wait("state", state="reconnecting", timeout=15)
        a.wait("state", state="joined", timeout=30)
        ok(len(there.streams) == before + 1, "back at the other one")
        a.command("say from %d" % there.port)
        b.wait("message", text="from %d" % there.port)
    hears(b, "Anna")
    bye(a, b)
    ring = Odd(host, down=lambda conn, text: [see_uri(ring.here("ws") + "/xmpp-websocket") if "<open" in text else text])
    turned_away(ring, "elsewhere-ring", 3, "from server to server")
    ok(len(ring.streams) == 4, "tried three times more")
    if not shutil.which("openssl"):
        return
    good, bad = certificate("good"), certificate("bad")
    foul = Odd(host, tls=bad)
    for where, words in ((second.here("ws"), "which is not encrypted"), (foul.here("ws"), "certificate")):
        there = len(second.streams)
        safe = Odd(host, tls=good, down=lambda conn, text: [see_uri(where + "/xmpp-websocket") if "<open" in text else text])
        turned_away(safe, "elsewhere-tls", 3, words, args=["--ca-file", good[0]])
        ok(not foul.texts() and len(second.streams) == there, "not a word was said to it")


@scenario()
def shard_is_kept():
    """A deployment of several servers: asked to keep the room, by its own host alone; back in when the room has moved."""
    shard = ["s1"]

    def js(odd, path):
        return odd.usual[:-2] + ", websocketKeepAliveUrl: '%s', deploymentInfo: { shard: 's1' } };" % odd.keep
    odd = Odd(host, js=js, page=lambda s, path: (200, "x-jitsi-shard: %s\r\n" % shard[0]) if "_unlock" in path else None)
    odd.usual = ("var config = { hosts: { domain: '%s', muc: '%s', focus: '%s' }, websocket: '%s/xmpp-websocket' };"
                 % (odd.domain, odd.muc, odd.focus, odd.here("ws")))
    odd.keep = odd.here() + "/_unlock"
    a, b = two(odd, "kept", second=Odd(host))

    def asked(o):
        return [h for h in o.hits if "_unlock" in h]
    eventually("asked after 5 s", lambda: asked(odd), 15)
    ok(asked(odd) == ["/_unlock?room=kept"], asked(odd))
    time.sleep(1)
    ok(a.result("status")["state"] == "joined", "the right one")
    shard[0] = "s2"
    odd.streams[-1].close()     # after a reconnect it is asked at once
    a.wait("state", state="reconnecting", timeout=15)
    a.wait("state", state="joined", timeout=30)
    a.wait("state", state="reconnecting", timeout=20, text="127.0.0.1:%d has moved this room to another one of its servers" % odd.port)
    a.wait("state", state="joined", timeout=30)
    time.sleep(2)
    ok(a.result("status")["state"] == "joined" and len(asked(odd)) in (3, 4), "and stays there: %r" % asked(odd))
    hears(b, "Anna")
    bye(a, b)
    # Not whomever the page names, and nowhere that a redirect leads.
    stranger = Odd(host, page=lambda s, path: (200, ""))
    away = Odd(host, js=js, page=lambda s, path: (302, "Location: http://localhost:%d/_unlock\r\n" % stranger.port) if "_unlock" in path else None)
    for o, keep in ((odd, "http://localhost:%d/_unlock" % stranger.port), (away, away.here() + "/_unlock")):
        o.usual = odd.usual.replace(odd.here("ws"), o.here("ws"))
        o.keep = keep
        del o.hits[:]
        c = client(o.url("kept2"), "Anna")
        c.wait("joined")
        time.sleep(7)
        ok(len(asked(o)) == (o is away), "asked %r" % asked(o))
        bye(c)
    ok(not stranger.hits, "the stranger was asked %r" % stranger.hits)


@scenario()
def redirects_in_a_ring():
    odd = Odd(host, redirect=lambda s, path: path + "x" if "config.js" in path else None)
    turned_away(odd, "ring", 3, "127.0.0.1")


# ---- the conference request ----

@scenario()
def request_by_iq_only():
    odd = Odd(host)
    bye(*two(odd, "iq"))
    ok(any("<conference" in t for t in odd.texts()), "asked by IQ")


@scenario(short=True)
def request_by_http_broken():
    """404, a page of HTML, a proxy that is full: then by IQ."""
    for n, answer in enumerate([(404, "no"), (200, "<!DOCTYPE html>"), (503, "busy")]):
        odd = Odd(host, request=lambda s, body, answer=answer: answer)
        odd.request_url = odd.here() + "/conference-request/v1"
        bye(*two(odd, "broken%d" % n))
        ok(any("<conference" in t for t in odd.texts()), "asked by IQ")


@scenario()
def request_by_http_hangs():
    odd = Odd(host, request=lambda s, body: "hang")
    odd.request_url = odd.here() + "/conference-request/v1"
    bye(*two(odd, "hangs", timeout=40))


@scenario()
def request_by_http_not_ready():
    """Three times not yet."""
    n = []

    def request(odd, body):
        n.append(body)
        return (200, '{"ready":false}') if len(n) < 4 else None
    odd = Odd(host, request=request)
    odd.request_url = odd.here() + "/conference-request/v1"
    bye(*two(odd, "not-yet", timeout=30))
    uids = {json.loads(b)["machineUid"] for b in n}
    ok(len(uids) == 2 and all(len(u) == 32 for u in uids), "an id a call, %r" % uids)


@scenario()
def session_is_invalid():
    """Behind a login: the session that the focus gave is refused once, forgotten and asked for anew."""
    asked = []

    def up(conn, text):
        if "<conference" not in text:
            return [text]
        asked.append(text)
        if len(asked) == 1:
            return answer(conn, text, "error", "<error type='modify'><not-acceptable xmlns='%s'/><session-invalid xmlns='%s'/>"
                          "</error>" % (STANZAS, FOCUS))
        return [text]
    odd = Odd(host, up=up)
    bye(*two(odd, "session", timeout=20))
    ok("machine-uid" in asked[0] and "session-id" not in asked[1], "machine id, no old session")


@scenario()
def host_is_waited_for():
    """Nobody may open the room: a script is told, a person waits."""
    def up(conn, text):
        if "<conference" not in text:
            return [text]
        return answer(conn, text, "error", NOT_AUTHORIZED)
    odd = Odd(host, up=up)
    turned_away(odd, "closed", 4, ["the room is not open", "--login-file"])


@scenario()
def visitors_only():
    def up(conn, text):
        if "<conference" not in text:
            return [text]
        return answer(conn, text, "result", "<conference xmlns='%s' ready='true' focusjid='focus@auth.v1.meet.jitsi' "
                      "vnode='v1'/>" % FOCUS)
    turned_away(Odd(host, up=up), "big", 4, "as visitors only")


# ---- login ----

def scram_server(conn, text, state, password, salt=b"salz"):
    """The server's side of SCRAM-SHA-1; then the real one is logged into as a guest."""
    def h(key, msg):
        return hmac.new(key, msg, hashlib.sha1).digest()
    b64 = lambda b: base64.b64encode(b).decode()
    inner = re.search(r">([^<]*)<", text)
    said = base64.b64decode(inner.group(1)).decode() if inner else ""
    if "<auth" in text:
        ok("SCRAM-SHA-1" in text and password not in said, "SCRAM, without the password: %r" % text)
        state["bare"] = said[3:]
        state["first"] = "r=%sSRV,s=%s,i=4096" % (re.search("r=(.*)", said).group(1), b64(salt))
        conn.down("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</challenge>" % b64(state["first"].encode()))
        return []
    bare, proof = said.rsplit(",p=", 1)
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, 4096)
    auth = ",".join([state["bare"], state["first"], bare]).encode()
    client = bytes(a ^ b for a, b in zip(base64.b64decode(proof), h(hashlib.sha1(h(key, b"Client Key")).digest(), auth)))
    if client != h(key, b"Client Key"):
        conn.down("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
        return []
    state["final"] = b64(b"v=" + b64(h(h(key, b"Server Key"), auth)).encode())
    return ["<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"]


def login_odd(password):
    def up(conn, text):
        if "urn:ietf:params:xml:ns:xmpp-sasl" in text and ("<auth" in text or "<response" in text):
            return scram_server(conn, text, conn.state, password)
        return [text]

    def down(conn, text):
        text = text.replace("<mechanism>ANONYMOUS</mechanism>", "<mechanism>SCRAM-SHA-1</mechanism>")
        if "<success" in text:
            text = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</success>" % conn.state["final"]
        return [text]
    return Odd(host, up=up, down=down)


def login_file(text):
    path = os.path.join(TMP, "login-%d" % abs(hash(text)))
    with open(path, "w") as f:
        f.write(text)
    return path


@scenario(short=True)
def login_by_password():
    """A secure domain: guests are not let in, a password is proved and not sent."""
    odd = login_odd("geheim=,x")
    bye(*two(odd, "secure", args=["--login-file", login_file("ada\ngeheim=,x")], second=Odd(host)))
    ok(not any(b"geheim" in (t if isinstance(t, bytes) else t.encode()) for _, _, t in odd.log), "no password on the wire")
    turned_away(odd, "secure", 4, "user or password is wrong", args=["--login-file", login_file("ada\nfalsch")])
    turned_away(odd, "secure", 4, "--login-file")


@scenario()
def token_refused():
    """The server's own word is shown."""
    def up(conn, text):
        if "<auth" in text:
            conn.down("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/><text>Not acceptable by exp</text></failure>")
            return []
        return [text]
    odd = Odd(host, up=up)
    turned_away(odd, "token?jwt=abc.def.ghi", 4, "Not acceptable by exp")
    ok(any("token=abc.def.ghi" in h for h in odd.hits), "the token goes to the WebSocket")
    ok(not any("abc.def" in h for h in odd.hits if "config.js" in h), "and to nobody else")


# ---- joining the room ----

def first_join_refused(error, times=1):
    def up(conn, text):
        if is_join(text) and conn.odd.state.setdefault("refused", 0) < times:
            conn.odd.state["refused"] += 1
            return refuse_join(conn, text, "<error %s</error>" % error)
        return [text]
    return up


@scenario(short=True)
def room_just_destroyed():
    for n, error in enumerate(["type='cancel'><gone xmlns='%s'/>" % STANZAS,
                               "type='cancel'><not-allowed xmlns='%s'/><text xmlns='%s'>Room creation is restricted</text>" % (STANZAS, STANZAS)]):
        odd = Odd(host, up=first_join_refused(error), state={})
        bye(*two(odd, "destroyed%d" % n, timeout=20))


@scenario()
def nick_in_use():
    odd = Odd(host, up=first_join_refused("type='cancel'><conflict xmlns='%s'/>" % STANZAS), state={})
    bye(*two(odd, "nick"))


@scenario()
def display_name_required():
    odd = Odd(host, up=first_join_refused("type='modify'><displayname-required xmlns='http://jitsi.org/jitmeet' lobby='true'/>"), state={})
    turned_away(odd, "named", 4, "wants a name")


class Person:
    """Somebody before the line mode: types, and reads what is said."""

    def __init__(self, url, *args):
        self.said = ""
        with _one_at_a_time:
            self.p = start(["--line", "--name", "Anna", "--mic", "null", "--speaker", "null", "--no-socket", *args, url],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.p.stdout:
            self.said += line

    def hears(self, words, timeout=20):
        end = time.monotonic() + timeout
        while words not in self.said:
            ok(time.monotonic() < end and self.p.poll() is None, "%r was not said, but: %s" % (words, self.said))
            time.sleep(0.05)

    def types(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def leaves(self):
        self.types("/quit")
        ok(self.p.wait(10) == 0, "left")


@scenario(short=True)
def password_is_typed():
    """A person is asked for the room's password, twice; a script is turned away."""
    def up(conn, text):
        if is_join(text) and "<password>richtig<" not in text:
            return refuse_join(conn, text, NOT_AUTHORIZED)
        return [text]
    odd = Odd(host, up=up)
    turned_away(odd, "locked", 4, ["has a password", "--password-file"])
    anna = Person(odd.url("locked"))
    anna.hears("ocked has a password")
    anna.types("/password falsch")
    anna.hears("hat password is wrong")
    anna.types("/password richtig")
    anna.hears("oined locked")
    anna.types("/dump")
    anna.hears("phase joined")
    ok("richtig" not in anna.said, "it is not shown")
    anna.leaves()


@scenario()
def person_waits_for_the_host():
    """Nobody may open the room yet: a person waits, and is in when the host has come."""
    n = []

    def up(conn, text):
        if "<conference" not in text:
            return [text]
        n.append(text)
        if len(n) > 2:
            return [text]
        return answer(conn, text, "error", NOT_AUTHORIZED)
    anna = Person(Odd(host, up=up).url("early"))
    anna.hears("host has not come yet")
    anna.hears("oined early", 30)
    anna.leaves()


# ---- what old servers and clients say ----

def without_features(*features):
    """The client's features as an old server would have it know: the host asks, and hears fewer."""
    def up(conn, text):
        if "<presence" in text and "<c " in text:
            text = re.sub(r"ver=(['\"])[^'\"]*", lambda m: "ver=" + m.group(1) + "old%d" % id(conn), text)
        for f in features:
            text = re.sub(r"<feature var=['\"]%s['\"] ?/>" % re.escape(f), "", text)
        return [text]
    return up


@scenario(short=True)
def sources_as_xml():
    odd = Odd(host, up=without_features("http://jitsi.org/json-encoded-sources"))
    a, b = two(odd, "xml-sources")
    ok(any("ssma:0" in t and "session-initiate" in t for t in odd.texts(way="in")), "the offer holds XML sources")
    bye(a, b)


@scenario()
def people_of_2021():
    """No source names, no SourceInfo: audiomuted alone says who is muted."""
    def down(conn, text):
        text = re.sub(r"<SourceInfo>.*?</SourceInfo>", "", text)
        return [re.sub(r'(&quot;|")n\1:\1[^"&]*\1,?', "", text) if "json-message" in text else text]
    odd = Odd(host, up=without_features("http://jitsi.org/source-name"), down=down)
    a, b = two(odd, "old-people")
    a.command("mute")
    b.wait("person-changed", person__name="Anna", person__muted=True)
    bye(a, b)


@scenario()
def bare_server():
    """No components, no external services, no metadata."""
    def down(conn, text):
        text = re.sub(r"<identity [^>]*type=['\"](av_moderation|room_metadata|conference_duration|speakerstats|polls|lobbyrooms|"
                      r"breakout_rooms|end_conference)['\"][^>]*/>", "", text)
        return [] if "room_metadata" in text and text.startswith("<message") else [text]
    bye(*two(Odd(host, down=down), "bare"))


# ---- the bridge channel ----

@scenario(short=True)
def channel_unreachable():
    """Offered, and refused in every way: the call does not care."""
    answers = {"404": (404, ""), "200": (200, ""), "403": (403, ""), "302": (302, "Location: http://127.0.0.1:1/\r\n")}
    for name, answer in answers.items():
        odd = Odd(host, channel_answer=lambda s, path, answer=answer: answer, own_channel=True)
        a, b = two(odd, "channel" + name)
        ok(any("colibri-ws" in h for h in odd.hits), "it was tried")
        time.sleep(1)
        ok(a.result("status")["media"] == "connected", "sound goes on")
        bye(a, b)


@scenario()
def several_channels():
    """The first of two names leads nowhere."""
    dead = free_port()

    def down(conn, text):
        if "session-initiate" in text:
            text = re.sub(r"(<web-socket [^>]*>)", r"<web-socket xmlns='http://jitsi.org/protocol/colibri' url='ws://127.0.0.1:%d/colibri-ws/x'/>\1" % dead, text)
        return [text]
    odd = Odd(host, down=down, own_channel=True)
    a, b = two(odd, "two-channels")
    eventually("the second one is open", lambda: odd.texts("bridge"), 15)
    bye(a, b)


# ---- what deployments do to a call ----

@scenario()
def bridge_dies():
    """Nobody says a word: no media, the channel breaks, then does not know us.  A new session by itself, mute kept."""
    odd = Odd(host, own_media=True, own_channel=True)
    a, b = two(odd, "dead-bridge", second=Odd(host))
    eventually("its channel is open", lambda: odd.channels)
    a.command("mute")
    odd.udp_dead, odd.channel_answer = True, lambda s, path: (403, "")
    start = time.monotonic()
    odd.channels[-1].close()
    eventually("it asks for another session", lambda: any("session-terminate" in t and "restart=" in t for t in odd.texts()), 30)
    odd.udp_dead, odd.channel_answer = False, None
    a.wait("media", media="connected", timeout=30)
    notice = a.wait("notice", timeout=5)
    ok("sound again after" in notice["text"], notice)
    ok(a.result("status")["me"]["muted"], "still muted")
    a.command("unmute")
    hears(b, "Anna", 15)
    ok(not any("type=\"unavailable\"" in t for t in odd.texts()), "without leaving the room")
    print("     sound again %.1f s after the bridge died" % (time.monotonic() - start))
    bye(a, b)


@scenario()
def focus_leaves():
    """The focus goes, comes back on request, and invites nobody: out of the room and in again."""
    focus = []

    def down(conn, text):
        if text.startswith("<presence") and "/focus'" in text.replace('"', "'").split(">")[0] and "unavailable" not in text:
            focus.append(text)
        return [text]
    odd = Odd(host, down=down)
    a, b = two(odd, "lost-focus", second=Odd(host))
    a.command("hand")
    conn = odd.streams[0]
    asked = len([t for t in odd.texts() if "<conference" in t])
    start = time.monotonic()
    conn.down(re.sub(r"<presence", "<presence type='unavailable'", focus[-1], count=1))
    eventually("it is called back from inside the room", lambda: len([t for t in odd.texts() if "<conference" in t]) > asked, 15)
    took = time.monotonic() - start
    ok(4.5 < took < 11, "after 5 to 10 s, not %.1f" % took)
    ok(a.result("status")["media"] == "connected", "the sound goes on")
    conn.down(focus[-1])
    a.wait("state", state="reconnecting", timeout=30)
    a.wait("state", state="joined", timeout=20)
    a.wait("media", media="connected", timeout=20)
    hears(b, "Anna", 20)
    ok(len(odd.streams) == 1, "on the same connection")
    ok([p["hand"] for p in b.result("people") if p["name"] == "Anna"] == [1], "the hand is still up")
    bye(a, b)


class Lobby:
    """A room with a lobby, where the host has none: what a deployment's server says to a moderator."""
    MUC, ROOM = "http://jabber.org/protocol/muc#user", "door@conference.ttymeet.local"
    THERE = "door@lobby.ttymeet.local"

    def __init__(self):
        self.on, self.me, self.seen = False, None, []

    def down(self, conn, text):
        if "urn:ietf:params:xml:ns:xmpp-bind" in text and "<jid>" in text:
            return ["<message xmlns='jabber:client' from='ttymeet.local'><query xmlns='http://jabber.org/protocol/disco#info'>"
                    "<identity category='component' type='lobbyrooms' name='lobby.ttymeet.local'/></query></message>", text]
        return [text]

    def up(self, conn, text):
        to, iq = re.search(r' to="([^"]*)"', text), re.search(r'<iq .*? ?id="([^"]*)"', text)
        to = to[1] if to else ""
        if to.startswith(self.THERE):
            self.seen.append(text)
            if "type=\"unavailable\"" in text:
                self.me = None
            elif text.startswith("<presence"):
                self.me = to
                conn.down("<presence xmlns='jabber:client' from='%s'><x xmlns='%s'><item role='moderator' affiliation='owner'/>"
                          "<status code='110'/></x></presence>" % (to, self.MUC))
            elif iq:
                conn.down("<iq xmlns='jabber:client' type='result' id='%s' from='%s'/>" % (iq[1], self.THERE))
            return []
        if to == self.ROOM and iq and "disco#info" in text:
            conn.down("<iq xmlns='jabber:client' type='result' id='%s' from='%s'><query xmlns='http://jabber.org/protocol/disco#info'>"
                      "<feature var='%s'/><x xmlns='jabber:x:data' type='result'><field var='muc#roominfo_lobbyroom'><value>%s</value>"
                      "</field></x></query></iq>" % (iq[1], self.ROOM, "muc_membersonly" if self.on else "muc_open", self.THERE))
            return []
        if to == self.ROOM and iq and "muc#owner" in text:
            if 'type="set"' in text:
                self.on = "<value>true</value>" in text
                conn.down("<message xmlns='jabber:client' type='groupchat' from='%s'><x xmlns='%s'><status code='104'/></x></message>"
                          % (self.ROOM, self.MUC), 0.1)
            conn.down("<iq xmlns='jabber:client' type='result' id='%s' from='%s'><query xmlns='http://jabber.org/protocol/muc#owner'>"
                      "<x xmlns='jabber:x:data' type='form'><field var='muc#roomconfig_membersonly'/></x></query></iq>"
                      % (iq[1], self.ROOM))
            return []
        if to == self.ROOM and "<invite " in text or "muc#admin" in text:
            self.seen.append(text)
            if iq:
                conn.down("<iq xmlns='jabber:client' type='result' id='%s' from='%s'/>" % (iq[1], self.ROOM))
            return []
        return [text]

    def knock(self, conn, nick, name):
        conn.down("<presence xmlns='jabber:client' from='%s/%s'><nick xmlns='http://jabber.org/protocol/nick'>%s</nick><x xmlns='%s'>"
                  "<item jid='%s-1@ttymeet.local/x' role='participant' affiliation='none'/></x></presence>"
                  % (self.THERE, nick, name, self.MUC, nick))

    def gone(self, conn, nick, status=""):
        conn.down("<presence xmlns='jabber:client' type='unavailable' from='%s/%s'><x xmlns='%s'><item role='none'/>%s</x></presence>"
                  % (self.THERE, nick, self.MUC, status))


@scenario(short=True)
def keeps_the_door():
    """A moderator is told who knocks, lets in, turns away, and switches the lobby."""
    lobby = Lobby()
    odd = Odd(host, up=lobby.up, down=lobby.down)
    a = client(odd.url("door"), "Anna")
    a.wait("joined")
    b = client(host.room("door"), "Ben")
    b.wait("joined")
    a.wait("person-joined", person__name="Ben")
    conn = odd.streams[0]
    ok("the lobby is off" in a.command("lobby") and not a.result("status")["lobby"], "off")
    a.command("lobby on")
    eventually("into the lobby", lambda: lobby.me)
    ok(any("muc#admin" in t and 'affiliation="member"' in t for t in lobby.seen), "Ben became a member: %r" % lobby.seen)
    ok(a.result("status")["lobby"] is True, "on")
    lobby.knock(conn, "aa000001", "Carl")
    a.wait("knock", name="Carl", id="aa000001", on=True, waiting=1)
    lobby.knock(conn, "aa000002", "Dora Ann")
    a.wait("knock", name="Dora Ann")
    ok([k["name"] for k in a.result("status")["knocking"]] == ["Carl", "Dora Ann"], a.result("status"))
    ok(any(m["text"] == "Dora Ann knocks: /admit Dora Ann or /deny Dora Ann" for m in a.result("messages")), "the words")
    a.command("admit dora")
    eventually("invited", lambda: any("<invite to=\"aa000002-1@ttymeet.local/x\"" in t for t in lobby.seen))
    ok(not any("aa000001" in t for t in lobby.seen), "she alone")
    lobby.gone(conn, "aa000002")
    a.wait("knock", name="Dora Ann", on=False)
    a.command("msg carl what is it about?")
    eventually("he is spoken to", lambda: any("LOBBY_CHAT_MESSAGE" in t and "what is it about?" in t for t in lobby.seen))
    ok(any("LOBBY_CHAT_INITIALIZED" in t for t in lobby.seen), "and told by whom")
    ok([m["to"] for m in a.result("messages") if m["text"] == "what is it about?"] == ["Carl"], "shown")
    conn.down("<message xmlns='jabber:client' type='chat' from='%s/aa000001'><json-message xmlns='http://jitsi.org/jitmeet'>"
              "{\"type\":\"LOBBY_CHAT_MESSAGE\",\"message\":\"the minutes\"}</json-message></message>" % lobby.THERE)
    a.wait("message", text="the minutes", private=True, **{"from": "Carl"})
    a.command("deny Carl")
    eventually("removed", lambda: any("nick=\"aa000001\"" in t and lobby.THERE in t for t in lobby.seen))
    lobby.gone(conn, "aa000001", "<status code='307'/>")
    a.wait("knock", name="Carl", on=False, waiting=0)
    lobby.knock(conn, "aa000003", "Eve")
    lobby.knock(conn, "aa000004", "Eve")
    a.wait("knock", id="aa000004")
    for word, kind in (("admit Eve", "unknown-person"), ("deny nobody", "unknown-person"), ("admit", "usage")):
        ok(a.refused(word) == kind, word)
    a.command("admit all")
    eventually("both", lambda: any("aa000003" in t and "aa000004" in t for t in lobby.seen))
    ok(b.refused("lobby on") == "not-moderator", "not for everybody")
    a.command("lobby off")
    eventually("out of the lobby", lambda: not lobby.me)
    bye(a, b)


# ---- trust ----

@scenario(short=True)
def forged_bridge():
    """Another certificate than the announced one: somebody in between.  The call ends, with words."""
    def down(conn, text):
        if "session-initiate" in text:
            text = re.sub(r"(<fingerprint [^>]*>)[^<]*", r"\g<1>" + ":".join(["AB"] * 32), text)
        return [text]
    odd = Odd(host, down=down)
    b = client(host.room("forged"), "Ben")
    b.wait("joined")
    turned_away(odd, "forged", 5, "its certificate differs")
    bye(b)


def certificate(name):
    cert, key = os.path.join(TMP, name + ".pem"), os.path.join(TMP, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


@scenario(short=True)
def tls_everywhere():
    """One certificate is trusted, another is not: neither for the page, nor WebSocket, request or bridge channel."""
    if not shutil.which("openssl"):
        return
    good, bad = certificate("good"), certificate("bad")
    trust = ["--ca-file", good[0]]
    fine, foul = Odd(host, tls=good, own_channel=True), Odd(host, tls=bad)
    a, b = two(fine, "tls", args=trust, second=Odd(host))
    eventually("the channel came through TLS", lambda: fine.texts("bridge"))
    bye(a, b)
    turned_away(foul, "tls", 3, "--ca-file", args=trust)
    # The WebSocket of somebody whom nobody vouches for.
    there = Odd(host, tls=good, js="var config = { hosts: { domain: 'ttymeet.local' }, websocket: '%s/xmpp-websocket' };" % foul.here("ws"))
    turned_away(there, "tls", 3, foul.here("ws")[6:], args=trust)
    ok(not foul.texts(), "not a word was said to it")
    # The request: then by IQ, through the server that is trusted.
    asked = Odd(host, tls=good)
    asked.request_url = foul.here() + "/conference-request/v1"
    bye(*two(asked, "tls2", args=trust, second=Odd(host)))
    ok(not any("conference-request" in h for h in foul.hits), "the request was not made there")
    # The channel: the call does without.
    channel = Odd(host, tls=good, down=lambda conn, text: [re.sub(r"wss?://127\.0\.0\.1:%d/" % host.port, foul.here("ws") + "/", text)])
    a, b = two(channel, "tls3", args=trust, second=Odd(host))
    time.sleep(1)
    ok(a.result("status")["media"] == "connected" and not any("colibri" in h for h in foul.hits), "no channel, sound all the same")
    bye(a, b)


# ---- slow and rude ----

@scenario()
def slow():
    """Each answer takes 8 s: joined all the same, and not taken for dead."""
    odd = Odd(host, iq_delay=8)
    a, b = two(odd, "slow", timeout=70)
    time.sleep(30)
    ok(a.result("status")["state"] == "joined" and not [e for e in a.seen if e.get("state") == "reconnecting"], "still joined")
    bye(a, b)


@scenario(short=True)
def garbage():
    """Broken XML, huge stanzas, unknown requests, strangers."""
    odd = Odd(host)
    a, b = two(odd, "garbage")
    conn = odd.streams[0]
    for text in ["<", "no xml", "<a><b></a>", "<!DOCTYPE x><x/>", "<x xmlns='y'/>", "<iq xmlns='jabber:client'/>",
                 "<iq xmlns='jabber:client' type='get' id='odd1'><thing xmlns='urn:new'/></iq>",
                 "<presence xmlns='jabber:client' from='garbage@conference.ttymeet.local/x'><nick xmlns='http://jabber.org/protocol/nick'>"
                 + "n" * 300000 + "</nick></presence>",
                 "<message xmlns='jabber:client' type='groupchat' from='garbage@conference.ttymeet.local/x'><body>" + "b" * 200000
                 + "</body></message>"] + ["<iq xmlns='jabber:client' type='set' id='m%d'><x/></iq>" % i for i in range(50)]:
        conn.down(text)
        conn.down("<message xmlns='jabber:client' from='ttymeet.local'/>")
    conn.down("\x00\xff", 0.1)
    eventually("an unknown request is answered", lambda: any("odd1" in t and "service-unavailable" in t for t in odd.texts()))
    # What is no XML ends a stream; that of stream management goes on over another.
    eventually("still joined, or again", lambda: a.result("status")["state"] == "joined")
    a.command("say still here")
    b.wait("message", text="still here")
    bye(a, b)


@scenario()
def cut_again_and_again():
    """The server closes the stream, with words and without."""
    odd = Odd(host)
    a, b = two(odd, "cuts")
    for how in ["<stream:error xmlns:stream='http://etherx.jabber.org/streams'><system-shutdown "
                "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
                "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", None]:
        before = len(odd.streams)
        if how:
            odd.streams[0 if before == 2 else -1].down(how)
        else:
            odd.streams[-1].close()
        a.wait("state", state="reconnecting", timeout=15)
        a.wait("state", state="joined", timeout=30)
        ok(len(odd.streams) > before, "another stream")
    hears(b, "Anna", 20)
    bye(a, b)


@scenario()
def throttled_and_cut():
    """What a slow server reads of the old connection only after we are back is not said twice; what it never reads, is again."""
    for late in (6, None):
        def up(conn, text):
            if conn is odd.streams[0] and "<body>held up" in text:
                if late:
                    conn.up(text, late)
                return []
            return [text]
        odd = Odd(host, up=up, linger=9)
        a, b = two(odd, "throttled%s" % late, second=Odd(host))
        b.command("say before")
        a.wait("message", text="before")
        a.command("say held up")
        odd.streams[0].close()
        a.wait("state", state="reconnecting", timeout=15)
        a.wait("state", state="joined", timeout=30)
        a.command("say after")          # does not wait for it
        b.wait("message", text="after", timeout=5)
        a.wait("notice", text="the connection of before still stands in the room, and may yet say: held up")
        b.wait("message", text="held up", timeout=20)
        a.wait("message", text="held up", timeout=5)
        time.sleep(6)
        for c in (a, b):
            c.rpc("status")
            said = [m["text"] for m in c.result("messages") if m["text"] == "held up"]
            ok(len(said) == 1, "%s reads it %d times" % (c.name, len(said)))
        ok(not [m for m in a.result("messages") if "may not have arrived" in m["text"]], "and nothing is unsure")
        bye(a, b)


# ---- the runner ----

def run(name):
    start = time.monotonic()
    try:
        SCENARIOS[name]()
    except SystemExit:
        return name, False, "see above", time.monotonic() - start
    except Exception:
        return name, False, traceback.format_exc(limit=3), time.monotonic() - start
    return name, True, (SCENARIOS[name].__doc__ or name.replace("_", " ")).split("\n")[0], time.monotonic() - start


names = [n for n in SCENARIOS if n in sys.argv[1:]] if sys.argv[1:] else SHORT_ONES if SHORT else list(SCENARIOS)
bad = []
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    for name, good, text, took in pool.map(run, names):
        print("%s %s: %s (%.1f s)" % ("ok  " if good else "BAD ", name.replace("_", " "), text, took), flush=True)
        if not good:
            bad.append(name)
if bad:
    fail("odd servers: " + ", ".join(bad))

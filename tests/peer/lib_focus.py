"""lib_focus.py - a small focus (as an XEP-0114 component) and a stranger's bridge: libwebrtc in Node

    ttymeet --WebSocket-- Prosody --component-- Focus --JSON-- bridge.js
        \\____________________ ICE, DTLS, SRTP, SCTP _____________/

The focus opens a room when it is asked to, joins it, and invites the first two who come: each gets a session of its
own with the bridge, which gives each the other's sound.  That is all it can do.
"""
import hashlib
import html
import xml.etree.ElementTree as ET
from lib import *

NS = {"client": "jabber:component:accept", "focus": "http://jitsi.org/protocol/focus", "jingle": "urn:xmpp:jingle:1",
      "rtp": "urn:xmpp:jingle:apps:rtp:1", "ice": "urn:xmpp:jingle:transports:ice-udp:1", "dtls": "urn:xmpp:jingle:apps:dtls:0",
      "ssma": "urn:xmpp:jingle:apps:rtp:ssma:0", "user": "http://jabber.org/protocol/muc#user"}


def _tag(ns, name):
    return "{%s}%s" % (NS[ns], name)


class Bridge:
    """bridge.js: asked by one line, answers by one, tells events in between."""

    def __init__(self):
        need("node", node=["@roamhq/wrtc"])
        self.err = open(os.path.join(TMP, "bridge.log"), "w")
        self.p = run_bg(["node", os.path.join(WEB, "bridge.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err,
                        text=True, env=env(PEER_MODULES=MODULES))
        self.answers, self.events = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.p.stdout:
            x = json.loads(line)
            if "event" in x:
                self.events.append(x)
            else:
                self.answers.put(x)

    def ask(self, **x):
        self.p.stdin.write(json.dumps(x) + "\n")
        self.p.stdin.flush()
        return self.answers.get(timeout=20)


class Focus(threading.Thread):
    JID = "focus@focus.%s"

    def __init__(self, prosody, bridge):
        super().__init__(daemon=True)
        self.domain, self.secret = prosody.DOMAIN, prosody.secret
        self.me = self.JID % self.domain + "/focus"
        self.bridge = bridge
        self.waiting = {}               # room: the request that waits until we are in it
        self.people = {}                # room: [nick]
        self.sessions = {}              # (room, nick): "offered" | "accepted"
        self.refused = []
        self.ids = itertools.count(1)
        wait_port(prosody.component, "Prosody's door for components")
        self.sock = socket.create_connection(("127.0.0.1", prosody.component), 5)
        self.sock.settimeout(None)
        self.start()

    def send(self, text):
        self.sock.sendall(text.encode())

    def run(self):
        self.send("<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='focus.%s'>"
                  % self.domain)
        parser = ET.XMLPullParser(["start", "end"])
        depth = 0
        while True:
            data = self.sock.recv(65536)
            if not data:
                return
            parser.feed(data)
            for kind, x in parser.read_events():
                depth += 1 if kind == "start" else -1
                if kind == "start" and depth == 1:
                    self.send("<handshake>%s</handshake>" % hashlib.sha1((x.get("id") + self.secret).encode()).hexdigest())
                if kind == "end" and depth == 1:
                    self.stanza(x)

    def stanza(self, x):
        name = x.tag.split("}")[1]
        if name == "presence":
            self.presence(x)
        elif name == "iq" and x.get("type") == "set":
            if x.find(_tag("focus", "conference")) is not None:
                self.request(x, x.find(_tag("focus", "conference")).get("room"))
            elif x.find(_tag("jingle", "jingle")) is not None:
                self.jingle(x, x.find(_tag("jingle", "jingle")))
        elif name == "iq" and x.get("type") == "error":
            self.refused.append(ET.tostring(x).decode())

    def answer(self, x, inner=""):
        self.send("<iq type='result' id='%s' from='%s' to='%s'>%s</iq>"
                  % (html.escape(x.get("id")), x.get("to"), html.escape(x.get("from"), True), inner))

    def request(self, x, room):
        inner = ("<conference xmlns='%s' room='%s' ready='true' focusjid='%s'/>"
                 % (NS["focus"], html.escape(room), self.JID % self.domain))
        if room in self.people:
            self.answer(x, inner)
            return
        self.waiting.setdefault(room, []).append((x, inner))
        if len(self.waiting[room]) == 1:
            self.send("<presence from='%s' to='%s/focus'><x xmlns='http://jabber.org/protocol/muc'/></presence>" % (self.me, room))

    def presence(self, x):
        room, _, nick = x.get("from").partition("/")
        if nick == "focus":
            self.people.setdefault(room, [])
            for asked, inner in self.waiting.pop(room, []):
                self.answer(asked, inner)
            return
        here = self.people.setdefault(room, [])
        if x.get("type") == "unavailable":
            here[:] = [n for n in here if n != nick]
            return
        if nick not in here:
            here.append(nick)
            if len(here) == 2:
                for n in here:
                    self.invite(room, n, next(o for o in here if o != n))

    def invite(self, room, nick, other):
        b = self.bridge.ask(add=nick)
        transport = ("<transport xmlns='%s' ufrag='%s' pwd='%s'><rtcp-mux/><fingerprint xmlns='%s' hash='%s' setup='actpass'>%s</fingerprint>%s"
                     % (NS["ice"], b["ufrag"], b["pwd"], NS["dtls"], b["hash"], b["fingerprint"], "".join(
                         "<candidate component='1' foundation='%d' generation='0' id='c%d' network='0' ip='%s' port='%d' protocol='udp' priority='%d' type='host'/>"
                         % (i, i, c["ip"], c["port"], c["priority"]) for i, c in enumerate(b["candidates"]))))
        sources = {"sources": {other: [[], [], [{"s": b["ssrc"], "n": other + "-a0", "m": "%s-audio-0-1 %s-1" % (other, other)}]]}}
        self.sessions[room, nick] = "offered"
        self.send("<iq type='set' id='invite%d' from='%s' to='%s/%s'><jingle xmlns='%s' action='session-initiate' sid='sid-%s' initiator='%s'>"
                  "<content creator='initiator' name='audio' senders='both'><description xmlns='%s' media='audio' maxptime='60'>"
                  "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>"
                  "<payload-type id='111' name='opus' clockrate='48000' channels='2'><parameter name='minptime' value='10'/>"
                  "<parameter name='useinbandfec' value='1'/></payload-type><rtcp-mux/></description>%s</transport></content>"
                  "<content creator='initiator' name='data' senders='both'><description xmlns='%s' media='application'><rtcp-mux/></description>"
                  "%s<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='5000' protocol='webrtc-datachannel' streams='1024'/></transport></content>"
                  "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='audio'/><content name='data'/></group>"
                  "<json-message xmlns='http://jitsi.org/jitmeet'>%s</json-message></jingle></iq>"
                  % (next(self.ids), self.me, room, nick, NS["jingle"], nick, self.me, NS["rtp"], transport, NS["rtp"], transport,
                     html.escape(json.dumps(sources), False)))

    def jingle(self, x, j):
        self.answer(x)
        room, _, nick = x.get("from").partition("/")
        if j.get("action") != "session-accept":
            return
        audio = next(c for c in j if c.tag == _tag("jingle", "content") and c.get("name") == "audio")
        t = audio.find(_tag("ice", "transport"))
        source = next((s for s in audio.iter(_tag("ssma", "source"))), None)
        f = t.find(_tag("dtls", "fingerprint"))
        self.bridge.ask(accept=nick, ufrag=t.get("ufrag"), pwd=t.get("pwd"), hash=f.get("hash"), fingerprint=f.text.strip(),
                        setup=f.get("setup"), ssrc=int(source.get("ssrc")) if source is not None else self._ssrc_of(j, nick))
        self.sessions[room, nick] = "accepted"

    def _ssrc_of(self, j, nick):
        """Where the sources of an answer are JSON."""
        for m in j.iter("{http://jitsi.org/jitmeet}json-message"):
            for owner in json.loads(m.text)["sources"].values():
                return owner[2][0]["s"]
        return 1

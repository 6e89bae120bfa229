"""lib_xmpp.py - a deployment around a real XMPP server: its web page and its focus"""
import hashlib
import http.server
import re
from lib import *


class Focus(threading.Thread):
    """The focus as a component (XEP-0114) that opens every room and never invites anybody: signalling alone.
    It comes back by itself when its server was away."""

    def __init__(self, port, secret, domain="meet.test"):
        super().__init__(daemon=True)
        self.port, self.secret, self.domain = port, secret, domain
        self.requests = 0
        self.start()

    def run(self):
        while True:
            try:
                self._session(socket.create_connection(("127.0.0.1", self.port), 5))
            except OSError:
                pass
            time.sleep(0.1)

    def _session(self, s):
        s.settimeout(None)
        me = "focus." + self.domain
        s.sendall(("<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='%s'>" % me).encode())
        text = ""
        while True:
            data = s.recv(65536)
            if not data:
                return
            text += data.decode("utf-8", "replace")
            opened = re.search(r"<stream:stream[^>]*\bid='([^']*)'[^>]*>", text)
            if opened:
                text = text[opened.end():]
                s.sendall(("<handshake>%s</handshake>" % hashlib.sha1((opened[1] + self.secret).encode()).hexdigest()).encode())
            while True:
                iq = re.search(r"<iq\b[^>]*>.*?</iq>", text, re.S)
                if not iq:
                    break
                text = text[iq.end():]
                self._answer(s, iq[0])

    def _answer(self, s, iq):
        attr = dict(re.findall(r"\b(\w+)='([^']*)'", re.match(r"<iq\b[^>]*>", iq)[0]))
        if "<conference" not in iq or attr.get("type") != "set":
            return
        self.requests += 1
        room = re.search(r"\broom='([^']*)'", iq)
        s.sendall(("<iq type='result' id='%s' from='%s' to='%s'><conference xmlns='http://jitsi.org/protocol/focus' room='%s' "
                   "ready='true' focusjid='focus@auth.%s'/></iq>" % (attr["id"], attr["to"], attr["from"], room[1], self.domain)).encode())


class Site:
    """The web page of a deployment: /config.js, with this WebSocket."""

    def __init__(self, websocket, domain="meet.test", more=""):
        config = ("var config = { hosts: { domain: '%s', muc: 'conference.%s', focus: 'focus.%s' }, websocket: '%s', %s };"
                  % (domain, domain, domain, websocket, more)).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path.startswith("/config.js") else 404)
                self.send_header("Content-Length", str(len(config)))
                self.end_headers()
                self.wfile.write(config)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d/" % self.server.server_address[1]

    def room(self, name):
        return self.url + name

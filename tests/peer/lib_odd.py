"""lib_odd.py - a server between client and host that behaves as odd as a test wants

    client --> Odd (HTTP, WebSockets, by hand) --> ttymeet host
    media goes to the host directly, or through Odd's own UDP port

Everything that passes is kept in `log`, as it was on the wire: (channel, direction, bytes or text).
"""
import asyncio
import base64
import hashlib
import os
import re
import socket
import ssl
import threading
import time
import urllib.parse

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def mask(data, key):
    n = len(data)
    if not n:
        return data
    k = int.from_bytes((key * (n // 4 + 1))[:n], "big")
    return (int.from_bytes(data, "big") ^ k).to_bytes(n, "big")


class Ws:
    """One end of a WebSocket on an asyncio stream."""

    def __init__(self, reader, writer, masked):
        self.r, self.w, self.masked = reader, writer, masked

    def send(self, text, op=1):
        data = text.encode() if isinstance(text, str) else text
        head = bytes([0x80 | op])
        bit = 0x80 if self.masked else 0
        n = len(data)
        head += bytes([bit | n]) if n < 126 else bytes([bit | 126]) + n.to_bytes(2, "big") if n < 65536 \
            else bytes([bit | 127]) + n.to_bytes(8, "big")
        if self.masked:
            key = os.urandom(4)
            head, data = head + key, mask(data, key)
        self.w.write(head + data)

    async def recv(self):
        """The next text; None: closed."""
        parts = b""
        while True:
            b = await self.r.readexactly(2)
            n = b[1] & 127
            if n == 126:
                n = int.from_bytes(await self.r.readexactly(2), "big")
            elif n == 127:
                n = int.from_bytes(await self.r.readexactly(8), "big")
            key = await self.r.readexactly(4) if b[1] & 128 else None
            data = await self.r.readexactly(n)
            data = mask(data, key) if key else data
            op = b[0] & 15
            if op == 8:
                self.send(data, 8)
                return None
            if op == 9:
                self.send(data, 10)
            elif op in (0, 1):
                parts += data
                if b[0] & 128:
                    return parts.decode()


class Conn:
    """What a scenario's hooks are given: one stream of a client."""

    def __init__(self, odd, path, down, up):
        self.odd, self.path, self._down, self._up = odd, path, down, up
        self.state = {}

    def down(self, text, after=0.0):
        self.odd.loop.call_soon_threadsafe(self.odd.loop.call_later, after, self._give, "in", self._down, text)

    def up(self, text, after=0.0):
        self.odd.loop.call_soon_threadsafe(self.odd.loop.call_later, after, self._give, None, self._up, text)

    def _give(self, way, ws, text):
        if way:
            self.odd.log.append((self.odd.kind(self.path), way, text))
        try:
            ws.send(text)
        except Exception:
            pass

    def close(self):
        self.odd.loop.call_soon_threadsafe(self._down.w.close)


class Odd:
    """host: where the real one is.  Hooks: subclass, or give functions."""

    def __init__(self, host, tls=None, **hooks):
        self.up_host, self.up_port = "127.0.0.1", host.port
        self.log, self.hits, self.streams, self.channels = [], [], [], []
        for k, v in hooks.items():
            setattr(self, k, v)
        self.tls = tls
        self.udp = None
        self.udp_log = []
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait(5)

    # ---- what a scenario may change ----

    name = "127.0.0.1"
    domain, muc, focus = "ttymeet.local", "conference.ttymeet.local", "focus.ttymeet.local"
    js = None                   # text of config.js; False: 404; a function of (self, path)
    request_url = None          # conferenceRequestUrl
    request = None              # function of (self, body): None: pass on; (status, text); "hang"
    redirect = None             # function of (self, path): a Location, or None
    page = None                 # function of (self, path): None: as usual; (status, headers)
    socket_answer = None        # function of (self, path): None: accept; (status, headers)
    channel_answer = None       # the same for the bridge channel
    up = None                   # function of (conn, text): list of texts for the host
    down = None                 # function of (conn, text): list of texts for the client
    iq_delay = 0                # seconds that each answer takes
    linger = 0                  # seconds that the host hears nothing of a client's end being closed
    own_channel = False         # the offer's channel address leads through here
    udp_dead = False            # nothing passes there
    own_media = False           # the offer's candidate likewise

    def url(self, room):
        return "%s://%s:%d/%s" % ("https" if self.tls else "http", self.name, self.port, room)

    def here(self, scheme="http"):
        return "%s%s://%s:%d" % (scheme, "s" if self.tls else "", self.name, self.port)

    def config(self, path):
        if callable(self.js):
            return self.js(self, path)
        if self.js is not None:
            return self.js
        return ("var config = { hosts: { domain: '%s', muc: '%s', focus: '%s' }, websocket: '%s/xmpp-websocket'%s };"
                % (self.domain, self.muc, self.focus, self.here("ws"),
                   ", conferenceRequestUrl: '%s'" % self.request_url if self.request_url else ""))

    @staticmethod
    def kind(path):
        return "bridge" if "colibri-ws" in path else "xmpp"

    def texts(self, kind="xmpp", way="out"):
        return [t for k, w, t in list(self.log) if k == kind and w == way]

    # ---- wires ----

    def _run(self, ready):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        ctx = None
        if self.tls:
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ctx.load_cert_chain(*self.tls)

        async def main():
            await asyncio.start_server(self._client, sock=self.sock, ssl=ctx, limit=1 << 22)
            ready.set()
        self.loop.run_until_complete(main())
        self.loop.run_forever()

    async def _client(self, reader, writer):
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            headers = {k.lower(): v.strip() for k, v in (l.split(":", 1) for l in lines[1:] if ":" in l)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.log.append(("http", "out", head + body))
            self.hits.append(path)
            if headers.get("upgrade", "").lower() == "websocket":
                await self._upgrade(path, headers, reader, writer)
                return
            if not await self._http(method, path, body, writer):
                return

    async def _http(self, method, path, body, writer):
        plain = urllib.parse.urlsplit(path).path
        where = self.redirect(self, path) if self.redirect else None
        status, text, more = 404, "<html>nothing here</html>", ""
        page = self.page(self, path) if self.page else None
        if page:
            status, more = page
        elif where:
            status, more = 302, "Location: %s\r\n" % where
        elif plain.endswith("/config.js"):
            js = self.config(path)
            status, text = (200, js) if js is not False else (404, text)
        elif "conference-request" in plain:
            answer = self.request(self, body) if self.request else None
            if answer == "hang":
                await asyncio.sleep(60)
                return False
            if answer is None:
                answer = await self._pass_on(method, path, body)
            status, text = answer
        data = text.encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nContent-Type: text/html\r\n%s\r\n"
                     % (status, len(data), more.encode()) + data)
        await writer.drain()
        return True

    async def _pass_on(self, method, path, body):
        r, w = await asyncio.open_connection(self.up_host, self.up_port)
        w.write(("%s /conference-request/v1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                 "Connection: close\r\nContent-Length: %d\r\n\r\n" % (method, self.up_port, len(body))).encode() + body)
        data = await r.read()
        w.close()
        head, text = data.split(b"\r\n\r\n", 1)
        return int(head.split(b" ")[1]), text.decode()

    async def _upgrade(self, path, headers, reader, writer):
        answer = self.channel_answer if self.kind(path) == "bridge" else self.socket_answer
        refused = answer(self, path) if answer else None
        if refused:
            writer.write(b"HTTP/1.1 %d X\r\n%sContent-Length: 2\r\n\r\nno" % (refused[0], refused[1].encode()))
            await writer.drain()
            return
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + GUID).encode()).digest()).decode()
        proto = headers.get("sec-websocket-protocol")
        writer.write(("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n"
                      % (accept, "Sec-WebSocket-Protocol: %s\r\n" % proto if proto else "")).encode())
        up_path = re.sub(r"^.*?/(xmpp-websocket|colibri-ws)", r"/\1", path) if self.kind(path) == "bridge" or \
            "xmpp-websocket" in path else "/xmpp-websocket?" + urllib.parse.urlsplit(path).query
        r, w = await asyncio.open_connection(self.up_host, self.up_port, limit=1 << 22)
        w.write(("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: %s\r\n%s\r\n" % (up_path, self.up_port, base64.b64encode(os.urandom(16)).decode(),
                                                     "Sec-WebSocket-Protocol: %s\r\n" % proto if proto else "")).encode())
        answer = await r.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n")[0]:
            return
        client, host = Ws(reader, writer, False), Ws(r, w, True)
        conn = Conn(self, path, client, host)
        (self.streams if self.kind(path) == "xmpp" else self.channels).append(conn)
        ends = [asyncio.ensure_future(self._pump(conn, client, host, "out")),
                asyncio.ensure_future(self._pump(conn, host, client, "in"))]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self.linger and self.kind(path) == "xmpp" and not ends[1].done():
            await asyncio.sleep(self.linger)
        for e in ends:
            e.cancel()
        w.close()

    async def _pump(self, conn, a, b, way):
        kind = self.kind(conn.path)
        try:
            while True:
                text = await a.recv()
                if text is None:
                    return
                if way == "out":
                    self.log.append((kind, way, text))
                hook = self.up if way == "out" else self.down
                texts = hook(conn, text) if hook and kind == "xmpp" else [text]
                for t in texts:
                    if way == "in" and kind == "xmpp":
                        t = self._own(t)
                    delay = self.iq_delay if way == "in" and re.match(r"<iq [^>]*type=.(result|error)", t) else 0
                    if way == "in":
                        conn.down(t, delay)
                    else:
                        b.send(t)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            return

    # ---- the offer's addresses ----

    def _own(self, text):
        # What a scenario says for the host would be counted as the host's.
        if "features" in text and "urn:xmpp:sm:" in text:
            text = re.sub(r"<sm [^>]*?/>|<sm [^>]*?>.*?</sm>", "", text)
        if "session-initiate" not in text:
            return text
        if self.own_channel:
            text = re.sub(r"wss?://127\.0\.0\.1:%d/" % self.up_port, self.here("ws") + "/", text)
        if self.own_media:
            text = re.sub(r"(<candidate [^>]*port=['\"])(\d+)", lambda m: m.group(1) + str(self._relay(int(m.group(2)))), text)
        return text

    def _relay(self, port):
        """A UDP port that leads to the host's; datagrams are kept."""
        if self.udp:
            return self.udp
        front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        front.bind(("127.0.0.1", 0))
        self.udp = front.getsockname()[1]
        backs = {}

        def back(addr):
            s = backs[addr]
            while True:
                try:
                    data = s.recv(2048)
                    if not self.udp_dead:
                        front.sendto(data, addr)
                except OSError:
                    return

        def run():
            while True:
                try:
                    data, addr = front.recvfrom(2048)
                    self.udp_log.append(data)
                    if self.udp_dead:
                        continue
                    if addr not in backs:
                        backs[addr] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        backs[addr].connect(("127.0.0.1", port))
                        threading.Thread(target=back, args=(addr,), daemon=True).start()
                    backs[addr].send(data)
                except OSError:
                    pass
        threading.Thread(target=run, daemon=True).start()
        return self.udp

"""The doctor names what sticks on the way into a room, and what to do about it.

A proxy before the host changes what the two say to each other, byte for byte
and length for length; certificates are made on the spot; a relay that refuses
everybody answers on UDP."""
import shutil
import struct
import threading
from lib import *


class Proxy(Cuttable):
    """A line to a host; down and up: pairs of equally long texts to exchange."""

    def __init__(self, host, down=(), up=()):
        self.down, self.up = list(down), list(up)
        super().__init__(host.port)
        # What the host says of its own address leads here, too.
        own = (b":%d/" % self.to, b":%d/" % self.port)
        assert len(own[0]) == len(own[1])
        self.down.append(own)

    def url(self):
        return "http://127.0.0.1:%d/room%d" % (self.port, self.port)

    def change(self, data, up):
        for old, new in self.up if up else self.down:
            data = data.replace(old, new)
        return data


class Refuser:
    """A TURN server that asks for credentials and takes none (RFC 8489, 401)."""

    def __init__(self):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        def attr(kind, value):
            return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)

        while True:
            data, peer = self.s.recvfrom(2000)
            if len(data) < 20 or struct.unpack("!H", data[:2])[0] & 0x110:
                continue
            body = attr(0x0009, b"\0\0\x04\x01Unauthorized") + attr(0x0014, b"test") + attr(0x0015, b"nonce-of-today")
            kind = struct.unpack("!H", data[:2])[0] | 0x110
            self.s.sendto(struct.pack("!HH", kind, len(body)) + data[4:20] + body, peer)


cases = []


def doctor(url, code, *words, args=(), never=()):
    """They run side by side: some wait for an answer that never comes."""
    # The plug-ins of sound cards leak where devices are listed: that is theirs.
    p = subprocess.Popen([EXE, "check", *args, url], env=env(ASAN_OPTIONS="detect_leaks=0"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    cases.append((p, url, code, words, never))


def results():
    for p, url, code, words, never in cases:
        out, _ = p.communicate(timeout=60 * SLOW)
        print(url + "\n" + out[max(out.find("server "), 0):])
        for w in words:
            check(w in out, "it says %r" % w)
        for w in never:
            check(w not in out, "and not %r" % w)
        check(p.returncode == code, "exit code %d (%d)" % (p.returncode, code))


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=TMP)


def expired_certificate():
    """openssl's small authority can date a certificate back."""
    open(os.path.join(TMP, "index"), "w").close()
    with open(os.path.join(TMP, "serial"), "w") as f:
        f.write("01\n")
    with open(os.path.join(TMP, "ca.conf"), "w") as f:
        f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n"
                "policy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=IP:127.0.0.1\n"
                "[req]\ndistinguished_name=n\n[n]\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "9",
            "-subj", "/CN=test", "-config", "ca.conf")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "old.key", "-out", "old.csr", "-subj",
            "/CN=127.0.0.1", "-config", "ca.conf")
    openssl("ca", "-batch", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "old.csr",
            "-out", "old.pem", "-startdate", "200101000000Z", "-enddate", "210101000000Z")
    return [os.path.join(TMP, n) for n in ("old.pem", "old.key", "ca.pem")]


host = Host()

# Nobody is needed in the room.
doctor(host.room(), 0, "server", "config.js", "WebSocket", "login", "bridge     udp host 127.0.0.1", "good",
       never=["not ready", "relay"])

doctor("http://nowhere.invalid/room", 3, "no further than its name", "is the address right", "not ready")
doctor(Proxy(host, up=[(b"GET /xmpp-websocket", b"GET /nope-websocket")]).url(), 3,
       "no further than config.js", "WebSocket")
doctor(Proxy(host, down=[(b'domain: "ttymeet.local"', b'domain: "ttymeet.wrong"')]).url(), 3,
       "no further than the WebSocket", "does not know the domain ttymeet.wrong")
doctor(Proxy(host, down=[(b"<mechanism>ANONYMOUS</mechanism>", b"<mechanism>SCRAM-XYZ</mechanism>")]).url(), 4,
       "no further than the WebSocket", "--login-file")
# Its candidates lead to a port that nobody listens at.
dead = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dead.bind(("127.0.0.9", 0))
doctor(Proxy(host, down=[(b'ip="127.0.0.1"', b'ip="127.0.0.9"'), (b"ip='127.0.0.1'", b"ip='127.0.0.9'")]).url(), 5,
       "UDP 127.0.0.9:", "no answer", "firewall", "offers no TURN relay")

if shutil.which("openssl"):
    cert, key, ca = expired_certificate()
    old = Host(args=["--cert", cert, "--key", key])
    doctor(old.room(), 3, "expired", "--ca-file", args=["--ca-file", ca])

refuser = Refuser()
relays = os.path.join(TMP, "relays")
with open(relays, "w") as f:
    f.write("turn:ada:wrong@127.0.0.1:%d\n" % refuser.port)
turn = Host(args=["--turn-file", relays])
doctor(turn.room(), 0, "bridge     udp host", "relay", "TURN refused the credentials", "no help")
results()

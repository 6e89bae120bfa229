"""coturn as the way out: over UDP, TCP and TLS, when UDP is blocked, and when nothing else may be sent."""
from lib_net import *

need("turnserver", "openssl")
net = Net(v6=True)            # turn.test has an IPv6 address, too, where nobody listens at first
USER, SECRET, RELAY = "willy", "nilly", "10.79.0.1"


def certificates():
    """Two authorities of our own: one for turn.test, one for the host."""
    d = os.path.join(TMP, "ca")
    os.makedirs(d)

    def openssl(*a):
        subprocess.run(["openssl", *a], cwd=d, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for ca, leaf, name in (("ca", "turn", "DNS:turn.test"), ("ca2", "host", "IP:" + RELAY)):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", ca + ".key", "-out", ca + ".pem", "-days", "2",
                "-subj", "/CN=authority " + ca)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", leaf + ".key", "-out", leaf + ".csr", "-subj", "/CN=" + leaf)
        with open(d + "/ext", "w") as f:
            f.write("subjectAltName=" + name + "\n")
        openssl("x509", "-req", "-in", leaf + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial", "-out",
                leaf + ".pem", "-days", "2", "-extfile", "ext")
    with open(d + "/both.pem", "w") as f:
        f.write(open(d + "/ca.pem").read() + open(d + "/ca2.pem").read())
    return d


class Turn:
    def __init__(self, certs, *more):
        self.args = ["turnserver", "-n", "--listening-ip", RELAY, "--relay-ip", RELAY, "--lt-cred-mech", "--user",
                     "%s:%s" % (USER, SECRET), "--realm", "test", "--allow-loopback-peers", "--no-cli", "--no-dtls", "--cert",
                     certs + "/turn.pem", "--pkey", certs + "/turn.key", "--pidfile", TMP + "/turn.pid", "--log-file",
                     "stdout", "--tls-listening-port", "443", *more]
        self.start()

    def start(self):
        self.p = run_bg(self.args, "turn.log", **net.inside(net.world))

        def listens():
            out = sh("ip", "netns", "exec", net.world, "ss", "-Htln")
            return RELAY + ":3478 " in out and RELAY + ":443 " in out
        eventually("coturn listens", listens, 20)

    def stop(self):
        self.p.kill()
        self.p.wait(5)


certs = certificates()
turn = Turn(certs)
host = net.host(args=("--cert", certs + "/host.pem", "--key", certs + "/host.key"))
room = host.url + "turn"
OWN_CA = ("-o", "network.ca_file=" + certs + "/both.pem")
far = net.client(room, "Far", ns=net.world, mic="tone:440", args=(*OWN_CA, "-vv"))
far.wait("joined")


def spec(how, at, user=USER, secret=SECRET):
    return ("-o", "network.turn=%s:%s:%s@%s" % (how, user, secret, at))


def call(name, *args):
    c = net.client(room, name, mic="tone:880", args=(*args, "-vv"))
    c.wait("joined")
    return c


def talks_by(c, path):
    eventually("%s has the path %s" % (c.name, path), lambda: stats(c)["path"].startswith(path), 20)
    hears(c)
    hears(far)


def leave(c):
    c.rpc("command", line="leave")
    check(c.end() == 0, "%s leaves" % c.name)


def says(c, *words, timeout=20):
    def said():
        while not c.events.empty():
            c.seen.append(c.events.get())
        return any(all(w in (e.get("text") or "") for w in words) for e in c.seen)
    eventually("%s says: %s" % (c.name, " ... ".join(words)), said, timeout)


# ---- UDP to the bridge is blocked ----

net.block_udp(host.media)
for name, how, path in (("Ulla", spec("turn", RELAY), "udp relay"),
                        ("Tom", spec("turn", RELAY + "?transport=tcp"), "tcp relay"),
                        ("Tess", spec("turns", "turn.test"), "tls relay")):
    watch = Capture(net.laptop, "l0")
    began = time.monotonic()
    c = call(name, *how, *OWN_CA)
    talks_by(c, path)
    check(time.monotonic() - began < 10, "%s is heard after %.1f s" % (name, time.monotonic() - began))
    says(c, "a firewall may block it", "trying TURN")
    leave(c)
    sent = watch.stop()
    if path == "tls relay":
        check({p[2] for p in sent if p[0] == "udp"} <= {5353}, "all of Tess's sound went through port 443: %r" % [p for p in sent if p[0] == "udp"][:3])
    if SHORT:
        sys.exit(0)
net.block_udp(host.media, False)

# ---- nothing but the relay ----

for name, how, port in (("Rea", spec("turn", RELAY), ("udp", 3478)), ("Ria", spec("turns", "turn.test"), ("tcp", 443))):
    watch = Capture(net.laptop, "l0")
    c = call(name, "--relay-only", *how, *OWN_CA)
    talks_by(c, "udp relay" if port[0] == "udp" else "tls relay")
    leave(c)
    sent = watch.stop()
    there = {p[:3] for p in sent} - {("tcp", "fd78::1", 443)}      # the relay's other address
    web = ("tcp", RELAY, int(re.search(r":(\d+)/", host.url).group(1)))
    check(there == {(port[0], RELAY, port[1]), web}, "%s sent to the server and the relay alone: %s" % (name, sorted(there)))

# ---- relays that do not want us ----

net.block_udp(host.media)
c = call("Walt", *spec("turn", RELAY, secret="wrong"), *OWN_CA)
says(c, "TURN refused the credentials", RELAY)
leave(c)
c = call("Vera", *spec("turns", RELAY + ":443"), *OWN_CA)       # the certificate is for turn.test
says(c, "certificate is not accepted", "IP address mismatch")
leave(c)
c = call("Zoe", *spec("turns", "turn.test"), "-o", "network.ca_file=" + certs + "/ca2.pem")    # nobody here knows that authority
says(c, "turn.test over TLS", "its certificate is not accepted")
leave(c)
c = call("Ina", "--insecure", *spec("turns", "turn.test"))
talks_by(c, "tls relay")

# ---- and one that dies in the middle ----

turn.stop()
eventually("Ina notices that the relay has gone", lambda: stats(c)["path"] and "interrupted" in c.stderr(), 20)
turn.start()
before = sum_in(c)
talks_by(c, "tls relay")
leave(c)
net.block_udp(host.media, False)

# ---- a firewall that closes in the middle of the call ----

c = call("Mona", *spec("turns", "turn.test"), *OWN_CA)
talks_by(c, "udp host")
time.sleep(6)                   # reports have to be regular before their absence means something
net.block_udp(host.media)
began = time.monotonic()
eventually("Mona is on the relay", lambda: stats(c)["path"].startswith("tls relay"), 30)
check(time.monotonic() - began < 25, "a firewall that closes in the middle: another way after %.1f s" % (time.monotonic() - began))
talks_by(c, "tls relay")

# ---- and opens again ----

net.block_udp(host.media, False)
breaks = c.stderr().count("interrupted")
began = time.monotonic()
eventually("Mona is on the direct way again", lambda: stats(c)["path"].startswith("udp host"), 60)
check(time.monotonic() - began < 45, "a firewall that opens again: the direct way after %.1f s" % (time.monotonic() - began))
talks_by(c, "udp host")
check(c.stderr().count("interrupted") == breaks, "and nobody heard of it")
leave(c)
net.block_udp(host.media)

# ---- a relay with an IPv6 address alone ----

turn.stop()
turn = Turn(certs, "--listening-ip", "fd78:0::1")
for name, how, port in (("Sid", "turn", ("udp", 3478)), ("Sue", "turns", ("tcp", 443))):
    watch = Capture(net.laptop, "l0")
    c = call(name, "--insecure", *spec(how, "six.test"))
    talks_by(c, "udp relay" if how == "turn" else "tls relay")
    leave(c)
    check({p[:3] for p in watch.stop() if ":" in p[1]} == {(port[0], "fd78::1", port[1])}, "%s reached it by IPv6" % name)
net.block_udp(host.media, False)
leave(far)
host.stop()

# ---- a bridge with an IPv6 address alone, by a relay that is reached by IPv4 ----

turn.stop()
turn = Turn(certs, "--relay-ip", "fd78:0::1")
host = net.host(media="[fd78:0::1]:0", args=("--cert", certs + "/host.pem", "--key", certs + "/host.key"))
room = host.url + "six"
far = net.client(room, "Far6", ns=net.world, mic="tone:440", args=OWN_CA)
far.wait("joined")
for name, how, path in (("Sam", spec("turn", RELAY), "udp relay [fd78:"), ("Sol", spec("turns", "turn.test"), "tls relay [fd78:")):
    c = call(name, "--relay-only", *how, *OWN_CA)
    talks_by(c, path)
    leave(c)
leave(far)
host.stop()

# ---- relays that the server names (XEP-0215) ----

with open(TMP + "/turn-servers", "w") as f:
    f.write("turns:%s:%s@turn.test:443\n" % (USER, SECRET))
host = net.host(args=("--cert", certs + "/host.pem", "--key", certs + "/host.key", "--turn-file", TMP + "/turn-servers"))
room = host.url + "named"
net.block_udp(host.media)
far = net.client(room, "Far2", ns=net.world, mic="tone:440", args=OWN_CA)
far.wait("joined")
c = call("Nora", *OWN_CA)
talks_by(c, "tls relay")
leave(c)

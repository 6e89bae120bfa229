"""lib_net.py - two network namespaces with cables between them: a laptop, and the world with server and relay

    laptop: 10.78.N.2, fd78:N::2   ---- cable N ----   world: 10.78.N.1, fd78:N::1

Programs run in either; cables are plugged and pulled, firewalls set by iptables, and a capture at the laptop's
end says what left it.  Wants root, ip(8) and iptables.
"""
import ctypes
import re
import struct
import threading

from lib import *

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
ETH_ALL = 3


def sh(*args, ok=False):
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if p.returncode and not ok:
        fail("%s: %s" % (" ".join(args), p.stdout.strip()))
    return p.stdout


LIBC = ctypes.CDLL(None, use_errno=True)


def libc(name, *args):
    if getattr(LIBC, name)(*args):
        raise OSError(ctypes.get_errno(), name)


def enter(name):
    fd = os.open("/run/netns/" + name, os.O_RDONLY)
    libc("setns", fd, CLONE_NEWNET)
    os.close(fd)


def enter_with_names(name, hosts):
    """And with an /etc/hosts of one's own."""
    enter(name)
    libc("unshare", CLONE_NEWNS)
    libc("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    libc("mount", hosts.encode(), b"/etc/hosts", None, MS_BIND, None)


class Capture(threading.Thread):
    """Every frame that left one interface, as (protocol, to, port, first bytes)."""

    def __init__(self, ns, interface):
        super().__init__(daemon=True)
        self.sent, self.ready = [], threading.Event()
        self.ns, self.interface, self.over = ns, interface, False
        self.start()
        self.ready.wait(5)

    def run(self):
        enter(self.ns)                  # of this thread alone
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        s.bind((self.interface, 0))
        s.settimeout(0.2)
        self.ready.set()
        while not self.over:
            try:
                data, where = s.recvfrom(65536)
            except socket.timeout:
                continue
            except OSError:
                break
            if where[2] == socket.PACKET_OUTGOING:
                self.take(data)

    def take(self, data):
        kind, = struct.unpack(">H", data[12:14])
        if kind == 0x0800:
            at, proto, to = 14 + (data[14] & 15) * 4, data[23], socket.inet_ntoa(data[30:34])
        elif kind == 0x86DD:
            at, proto, to = 54, data[20], socket.inet_ntop(socket.AF_INET6, data[38:54])
        else:
            return
        if proto in (6, 17):
            port, = struct.unpack(">H", data[at + 2:at + 4])
            self.sent.append(({6: "tcp", 17: "udp"}[proto], to, port, data[at + 8:at + 40]))

    def stop(self):
        self.over = True
        self.join(2)
        return self.sent


class Net:
    """v6: the cable has IPv6 addresses as well."""

    def __init__(self, cables=1, v6=False):
        need("ip", "iptables")
        if os.geteuid():
            skip("network namespaces need root")
        tag = "%d" % os.getpid()
        self.laptop, self.world = "lap" + tag, "wor" + tag
        atexit.register(self.close)
        for ns in (self.laptop, self.world):
            sh("ip", "netns", "add", ns)
            sh("ip", "-n", ns, "link", "set", "lo", "up")
        # Not on lo: libnice binds each socket to its address's interface.
        sh("ip", "-n", self.world, "link", "add", "d0", "type", "veth", "peer", "name", "d1")
        sh("ip", "-n", self.world, "addr", "add", "10.79.0.1/24", "dev", "d0")
        for d in ("d0", "d1"):
            sh("ip", "-n", self.world, "link", "set", d, "up")
        self.hosts = os.path.join(TMP, "hosts")
        with open(self.hosts, "w") as f:
            f.write("127.0.0.1 localhost\n10.79.0.1 turn.test\nfd78:0::1 turn.test\nfd78:0::1 six.test\n")
        for i in range(cables):
            self.plug(i, v6)
        eventually("the cables are plugged", lambda: all("state UP" in sh("ip", "-n", self.laptop, "link", "show", "l%d" % i) and
                   "state UP" in sh("ip", "-n", self.world, "link", "show", "w%d" % i) for i in range(cables)))
        self.route(0)

    def plug(self, i, v6=False):
        a, b = "l%d" % i, "w%d" % i
        sh("ip", "-n", self.laptop, "link", "add", a, "type", "veth", "peer", "name", b, "netns", self.world)
        for ns, dev, last in ((self.laptop, a, 2), (self.world, b, 1)):
            sh("ip", "-n", ns, "addr", "add", "10.78.%d.%d/24" % (i, last), "dev", dev)
            if v6:
                sh("ip", "-n", ns, "addr", "add", "fd78:%d::%d/64" % (i, last), "dev", dev, "nodad")
            sh("ip", "-n", ns, "link", "set", dev, "up")

    def pull(self, i):
        sh("ip", "-n", self.laptop, "link", "del", "l%d" % i)

    def route(self, i):
        """The laptop's way to the world's address 10.79.0.1, where its programs are."""
        sh("ip", "-n", self.laptop, "route", "replace", "default", "via", "10.78.%d.1" % i)

    def iptables(self, *rule, ns=None, v6=False):
        sh("ip", "netns", "exec", ns or self.laptop, "ip6tables" if v6 else "iptables", *rule)

    def block_udp(self, port, on=True):
        self.iptables("-A" if on else "-D", "OUTPUT", "-p", "udp", "--dport", str(port), "-j", "DROP")

    def cut(self, on=True):
        """Nothing passes, and nobody is told."""
        for chain in ("INPUT", "OUTPUT"):
            self.iptables("-A" if on else "-D", chain, "!", "-i" if chain == "INPUT" else "-o", "lo", "-j", "DROP")

    def inside(self, ns):
        return {"preexec_fn": lambda: enter_with_names(ns, self.hosts)}

    def close(self):
        for p in flow._procs:
            if p.poll() is None:
                p.kill()
                p.wait(5)
        for ns in (self.laptop, self.world):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)

    # programs

    def host(self, address="10.79.0.1", media=None, args=()):
        text = ("[%s]:0" if ":" in address else "%s:0") % address
        h = Host(text, media or text, args, **self.inside(self.world))
        h.media = self.udp_port(h.p.pid)
        return h

    def udp_port(self, pid):
        """The bridge's port: the one UDP socket of the host."""
        out = sh("ip", "netns", "exec", self.world, "ss", "-Hulnp")
        for line in out.splitlines():
            if "pid=%d," % pid in line:
                return int(line.split()[3].rsplit(":", 1)[1])
        fail("the host has no UDP port: " + out)

    def client(self, url, name, ns=None, args=(), **kw):
        return Client(url, name, args=args, **self.inside(ns or self.laptop), **kw)


def stats(c):
    return c.result("stats")


def hears(c, timeout=15):
    """Sound arrives: packets of it, now."""
    seen = []

    def more():
        seen.append(sum_in(c))
        time.sleep(0.5)
        return sum_in(c) - seen[-1] >= 7
    end = time.monotonic() + timeout * SLOW
    while time.monotonic() < end:
        if more():
            print("ok   %s hears the other" % c.name)
            return
    c.dump()
    fail("%s hears nothing: %r" % (c.name, seen[-5:]))


def sum_in(c):
    return stats(c)["in"]["packets"]

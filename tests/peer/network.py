"""A line that dies and comes back, an address that changes, IPv6 alone: the sound finds its way again."""
from lib_net import *

net = Net(cables=2, v6=True)
host = net.host()
room = host.url + "net"
INSECURE = ("--insecure",)
far = net.client(room, "Far", ns=net.world, mic="tone:440", args=INSECURE)
far.wait("joined")


def back_within(c, seconds, what):
    began = time.monotonic()
    hears(c, seconds)
    hears(far, 5)
    print("ok   %s: sound both ways again %.1f s later" % (what, time.monotonic() - began))


def leave(c):
    c.rpc("command", line="leave")
    check(c.end() == 0, "%s leaves" % c.name)


# ---- another network: the cable is pulled, the other one is there ----

c = net.client(room, "Ned", mic="tone:880", args=(*INSECURE, "-vv"))
c.wait("joined")
hears(c)
hears(far)
net.route(1)                    # the better way now; the old one still works
eventually("Ned's log tells of the change", lambda: "network changed" in c.stderr(), 5)
eventually("an ICE restart in place was made", lambda: "another way to the other side is in use" in c.stderr(), 10)
hears(c, 5)
check("interrupted" not in c.stderr(), "make before break: no interruption")
net.pull(1)
net.route(0)
c.wait("media", media="interrupted", timeout=5)
check(True, "a cable that is pulled is noticed at once")
back_within(c, 10, "other cable")
leave(c)
if SHORT:
    sys.exit(0)

# ---- muted, and a line that dies: noticed without our own sound ----

c = net.client(room, "Mia", args=(*INSECURE, "--muted", "-vv"))
c.wait("joined")
eventually("Mia is connected", lambda: stats(c)["path"].startswith("udp host 10.79.0.1"), 10)
time.sleep(1)

# ---- 5 s: shorter than anybody asks ----

net.cut()
time.sleep(5)
net.cut(False)
hears(c, 8)
check("interrupted" not in c.stderr(), "5 s without a line need no other way")
time.sleep(3)                   # what was asked in that time is answered now

# ---- 15 s: noticed, and back by itself ----

net.cut()
began = time.monotonic()
c.wait("media", media="interrupted", timeout=16)
took = time.monotonic() - began
check(8 < took < 15, "muted: the dead line is noticed after %.1f s" % took)
net.cut(False)
hears(c, 20)

# ---- nobody speaks, and what we send is dropped: their checks still come ----

far.rpc("command", line="mute")
time.sleep(12)
check(stats(c)["out"]["kbps"] < 1.5, "two who are silent: %.2f kbit/s" % stats(c)["out"]["kbps"])
net.block_udp(host.media)
began = time.monotonic()
c.wait("media", media="interrupted", timeout=20)
took = time.monotonic() - began
check(8 < took < 15, "a firewall that closes while nobody speaks is noticed after %.1f s" % took)
net.block_udp(host.media, False)
c.wait("media", media="connected", timeout=20)
far.rpc("command", line="unmute")
hears(c, 20)
leave(c)

# ---- 30 s and, if there is time, 5 min ----

for seconds in (30, 300) if LONG else (30,):
    c = net.client(room, "Oda%d" % seconds, mic="tone:880", args=(*INSECURE, "-vv"))
    c.wait("joined")
    hears(c)
    net.cut()
    time.sleep(seconds)
    net.cut(False)
    back_within(c, 40, "%d s without a line" % seconds)
    leave(c)

# ---- a bridge with IPv6 alone ----

leave(far)
host.stop()
host = net.host(address="fd78:0::1")
far = net.client(host.url + "six", "Far6", ns=net.world, mic="tone:440", args=INSECURE)
far.wait("joined")
c = net.client(host.url + "six", "Six", mic="tone:880", args=(*INSECURE, "-vv"))
c.wait("joined")
eventually("the path is IPv6's", lambda: stats(c)["path"].startswith("udp host [fd78:"), 10)
hears(c)
hears(far)
leave(c)

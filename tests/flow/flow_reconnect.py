"""The host is killed and comes back: the clients say so, and are back with sound by themselves."""
import os
from lib import *

host = Host()
a = Client(host.room("again"), "Anna", mic="tone:440")
b = Client(host.room("again"), "Ben", mic="null")
for c in (a, b):
    c.wait("joined")
    c.wait("media", media="connected")
b.wait("talking", person__name="Anna", on=True)
a.command("hand")
b.wait("hand", person__name="Anna", on=True)
host.p.kill()
host.p.wait()
for c in (a, b):
    c.wait("state", state="reconnecting", timeout=15)
check(a.result("status")["state"] == "reconnecting", "the status says so")
again = Host(listen="127.0.0.1:%d" % host.port)
for c in (a, b):
    c.wait("state", state="joined", timeout=40)
b.wait("talking", person__name="Anna", on=True, timeout=20)
eventually("Anna's hand is still up", lambda: [p["hand"] for p in b.result("people") if p["name"] == "Anna"] == [1])
for c in (a, b):
    c.p.send_signal(signal.SIGTERM)
    check(c.end() == 128 + signal.SIGTERM, "SIGTERM leaves with 143")

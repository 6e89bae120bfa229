"""Who talks is told over a WebSocket, over SCTP, and where one of them is not to be had."""
from lib import *


def others(c):
    return [p for p in c.result("people") if not p["me"]]


def run(form, wish, expect, text, both_ways=False):
    host = Host(args=["--channel", form])
    args = ["--set", "network.bridge_channel=" + wish]
    a = Client(host.room(), "Anna", args, "tone:440")
    b = Client(host.room(), "Ben", args + ["--set", "audio.no_mic=on"])
    for c in (a, b):
        c.wait("joined")
        c.wait("media", media="connected")
    if expect:
        # The WebSocket may be open before the sound is.
        if not any(e["event"] == "speaker" and match(e, "person__name", "Anna") for e in b.seen):
            b.wait("speaker", person__name="Anna")
        check(expect in b.stderr(), text + ": Ben is told that Anna talks" + expect)
    # Without a channel nobody tells who talks; the sound is there all the same.
    eventually(text + ": Ben hears Anna", lambda: any(p["talking"] for p in others(b)))
    check(bool(expect) == ("bridge channel open" in b.stderr()), text + ": a channel or none")
    if both_ways:
        eventually(text + ": Anna is told of Ben's line",
                   lambda: any(p["quality"] for p in others(a)), 15)
    eventually(text + ": counted where it is SCTP",
               lambda: ("by SCTP: messages in" in b.command("dump")) == ("SCTP" in (expect or "")))
    for c in (a, b):
        c.command("quit")
        check(c.end() == 0, "%s: %s left with 0" % (text, c.name))
    check(host.stop() == 0, text + ": the host ended with 0")


run("websocket", "auto", ", by WebSocket", "only WebSocket offered")
run("sctp", "auto", ", by SCTP", "only SCTP offered", True)
run("both", "auto", ", by WebSocket", "both offered")
run("both", "sctp", ", by SCTP", "both offered, SCTP wished for")
run("sctp", "websocket", None, "SCTP not asked for")

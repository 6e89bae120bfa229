"""The line to the host is cut for a second: the stream is resumed, nobody sees it, words come once, the sound goes on."""
from lib import *

host = Host()
line = Cuttable(host.port)
a = Client(host.room("cut"), "Anna", mic="tone:440", speaker="null")
b = Client("http://127.0.0.1:%d/cut" % line.port, "Ben", mic="null", speaker="file:" + os.path.join(TMP, "ben.wav"))
for c in (a, b):
    c.wait("joined")
    c.wait("media", media="connected")
time.sleep(1)
line.cut()
b.wait("state", state="reconnecting")
said_at = time.time()
a.command("/say said meanwhile")
b.command("/say typed meanwhile")
time.sleep(1)
line.mend()
b.wait("message", text="said meanwhile")
b.wait("message", text="typed meanwhile")
a.wait("message", text="typed meanwhile")
check(b.result("status")["state"] == "joined" and "resumed 1" in b.command("/dump"), "the stream was resumed, the room not joined again")
m = [m for m in b.result("messages") if m["text"] == "said meanwhile"][0]
check(m["time"] < said_at + 0.5 and not m["history"], "it is shown with the time when it was said, %.1f s after that" % (m["time"] - said_at))
time.sleep(1)
for c in (a, b):
    c.command("/quit")
    check(c.end() == 0, "%s leaves" % c.name)
leaves = [e for e in a.drain() if e["event"] == "person-left"]
check(not leaves, "nobody saw Ben leave")
for c in (a, b):
    for text in ("said meanwhile", "typed meanwhile"):
        check(len([e for e in c.drain() if e["event"] == "message" and e["text"] == text]) == 1, "%s read '%s' once" % (c.name, text))
x = read_wav(os.path.join(TMP, "ben.wav"))
x = x[:len(x) // 480 * 480].reshape(-1, 480)
loud = np.flatnonzero(np.sqrt((x ** 2).mean(axis=1)) > 0.015)
gap = 10 * (np.max(np.diff(loud)) - 1)
check(len(loud) > 100 and gap <= 50, "Ben heard Anna through the cut, longest gap %d ms" % gap)

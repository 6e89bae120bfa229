"""A short listening evening: files of several kinds to the room, heard, steered and recorded."""
import shutil
from lib import *


def pitch(x):
    f = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    return int(round(f.argmax() * RATE / len(x)))


def pitches(x):
    """Of each half second; 0 where it is silent."""
    n = RATE // 2
    return [pitch(x[i:i + n]) if x[i:i + n].std() > 0.01 else 0 for i in range(0, len(x) - n, n)]


first, second = os.path.join(TMP, "first.wav"), os.path.join(TMP, "second.wav")
write_wav("first.wav", tone(440, 6, 0.3))
write_wav("second.wav", tone(880, 20, 0.3))
record = os.path.join(TMP, "evening")

host = Host()
heard = os.path.join(TMP, "heard.wav")
anna = Client(host.room(), "Anna", ["--muted"])
ben = Client(host.room(), "Ben", mic="tone:200", speaker="file:" + heard)
for c in (anna, ben):
    c.wait("joined")
    c.wait("media", media="connected")

for line, kind in (("play /nonexistent/nothing.wav", "no-file"), ("next", "not-playing"), ("record stop", "not-recording")):
    check(anna.refused(line) == kind, "%s: %s" % (line, kind))
print("   ", anna.command("set record.people on"))
check("records to" in anna.command("record " + record), "recording begins")
check("2 files" in anna.command("play %s %s" % (first.replace("first", "f*st"), second)), "two files are queued")
eventually("Anna is not muted for Ben while she plays",
           lambda: any(p["name"] == "Anna" and not p["muted"] for p in ben.result("people")))
check(anna.result("status")["me"]["muted"], "her microphone stays closed")
check(anna.result("status")["recording"], "the status tells of the recording")
check("second.wav" in anna.command("queue"), "the queue names what comes")
eventually("the first file plays", lambda: anna.result("status").get("playing", {}).get("title") == "first")
eventually("the second follows", lambda: anna.result("status").get("playing", {}).get("title") == "second", 15)
time.sleep(1.2)
check("at 0:15" in anna.command("seek 15"), "seeks")
time.sleep(0.6)
check(15 <= anna.result("status")["playing"]["position_s"] <= 17, "and is there")
anna.command("pause")
time.sleep(1)
check("paused" in anna.command("queue"), "is paused")
anna.command("pause")
time.sleep(0.7)
anna.command("stop")
eventually("Anna is muted again", lambda: any(p["name"] == "Anna" and p["muted"] for p in ben.result("people")))
check("recorded" in anna.command("record stop"), "recording ends")
check(any("recording" in m["text"] for m in ben.result("messages", limit=20)), "the room was told of it")
anna.command("quit")
ben.command("quit")
check(anna.end() == 0 and ben.end() == 0, "both leave")

x = read_wav(heard)
got = pitches(x)
print("   heard", got)
a, b = got.index(440), got.index(880)
check(all(abs(p - 440) <= 2 for p in got[a:b - 1]), "the first file without a hole")    # 2 Hz: one step of half a second
check(11 <= b - a <= 13, "six seconds of it (%d halves)" % (b - a))
check(got.count(880) >= 3, "then the second")

print("   ", sorted(n for n in os.listdir(TMP) if n.endswith(".opus")))
if not shutil.which("opusdec"):
    print("     (no opusdec: the recordings are not looked into)")
for name, wanted in (("evening", {200, 440}), ("evening-Ben", {200}), ("evening-Anna", {440})) * bool(shutil.which("opusdec")):
    path, wav = os.path.join(TMP, name + ".opus"), os.path.join(TMP, name + ".wav")
    subprocess.run(["opusdec", "--quiet", path, wav], check=True, capture_output=True)
    y = read_wav(wav)
    part = y[RATE:5 * RATE]
    f = np.abs(np.fft.rfft(part * np.hanning(len(part)))) / len(part)
    for hz in (200, 440):
        there = f[hz * 4 - 3:hz * 4 + 4].max() > 0.01
        check(there == (hz in wanted), "%s: %d Hz is %sin it" % (name, hz, "" if hz in wanted else "not "))

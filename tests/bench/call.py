"""call.py - what a whole call costs: lines `name value unit (goal, peer or limit)`

A call of ten on loopback, three talking and seven muted, null devices; the client under test is
a listener that also talks.  CPU is compared with the Opus work of the same call, measured in the
same run on the same machine, so that a noisy machine cannot make the ratio.
"""
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))
from lib import *

SECONDS = int(os.environ.get("BENCH_S", "20"))


def line(name, value, unit, note):
    print("%-38s %10.2f %-8s (%s)" % (name, value, unit, note))
    sys.stdout.flush()


def cpu_s(pid):
    f = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def opus_cost():
    """CPU per cent of encoding one stream and decoding three, measured in this very run."""
    exe = os.path.join(os.path.dirname(EXE), "bench_opus")
    out = subprocess.run([exe], capture_output=True, text=True).stdout
    for l in out.splitlines():
        if l.startswith("opus_encode1_decode3"):
            return float(l.split()[1])
    return None


def smaps(pid):
    private = rss = 0
    for l in open("/proc/%d/smaps_rollup" % pid):
        if l.startswith(("Private_Clean", "Private_Dirty")):
            private += int(l.split()[1])
        if l.startswith("Rss"):
            rss = int(l.split()[1])
    return private, rss


host = Host()
speech = [write_wav("talk%d.wav" % i, speech_like(8, i + 1)) for i in range(3)]
url = host.room("bench")
talkers = [Client(url, "T%d" % i, mic="file:%s,loop" % speech[i]) for i in range(2)]
muted = [Client(url, "M%d" % i, ["--muted"], speaker="none") for i in range(7)]
for c in talkers + muted:
    c.wait("joined", timeout=30)
me = Client(url, "Me", mic="file:%s,loop" % speech[2])
me.wait("media", media="connected", timeout=30)
time.sleep(3)
a, h, t0 = cpu_s(me.p.pid), cpu_s(host.p.pid), time.monotonic()
s0 = me.result("stats")
time.sleep(SECONDS)
s1 = me.result("stats")
wall = time.monotonic() - t0
cpu = (cpu_s(me.p.pid) - a) / wall * 100
host_cpu = (cpu_s(host.p.pid) - h) / wall * 100
private, rss = smaps(me.p.pid)
opus = opus_cost()      # beside the call, so that both run on an equally warm machine
line("call10_cpu", cpu, "%", "gst-meet 4 to 6 % for one audio call, Chromium 17 %")
if opus:
    line("call10_opus_work", opus, "%", "encode one at 32 kbit/s, decode three, this run")
    line("call10_cpu_ratio", cpu / opus, "x", "limit 3 times the Opus work")
line("call10_private", private / 1024, "MB", "limit 20")
line("call10_rss", rss / 1024, "MB", "gst-meet 37")
packets = s1["out"]["packets"] - s0["out"]["packets"]
byts = s1["out"]["bytes"] - s0["out"]["bytes"]
line("call10_out", byts * 8 / wall / 1000, "kbit/s", "gst-meet 52, Chromium 54")
line("call10_in", (s1["in"]["bytes"] - s0["in"]["bytes"]) * 8 / wall / 1000, "kbit/s", "two talkers")
line("call10_out_packets", packets / wall, "1/s", "50 frames, reports beside them")
line("call10_concealed", s1["in"]["concealed_ms"] - s0["in"]["concealed_ms"], "ms", "goal 0")
line("host10_cpu", host_cpu, "%", "jitsi-videobridge 16 to 24 %")

times = []
for i in range(10):
    c = Client(url, "S%d" % i, ["--no-mic"])
    end = time.monotonic() + 10
    first = 0
    while not first and time.monotonic() < end:
        try:
            first = c.result("stats")["first_sound_ms"]
        except (OSError, KeyError, ValueError):
            pass
        time.sleep(0.02)
    times.append(first or 10000)
    c.p.send_signal(signal.SIGTERM)
    c.end()
line("first_sound", statistics.median(times), "ms", "limit 500, median of ten; gst-meet 880, Chromium 1620")
line("first_sound_worst", max(times), "ms", "of ten")
host.stop()

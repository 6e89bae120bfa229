"""lib.py - processes, sockets and sounds for the flows

A flow runs the whole program against the embedded host on free ports, steers
it over the control socket and looks at what a user would notice.  It waits
for events with a deadline, never for a while.
"""
import atexit
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import wave

import numpy as np

EXE = os.environ.get("TTYMEET", os.path.abspath("ttymeet"))
SLOW = 4 if "san-" in EXE else 1        # sanitizers take their time
TMP = tempfile.mkdtemp(prefix="ttymeet-flow-")
RATE = 48000
_procs = []


def _cleanup():
    for p in _procs:
        if p.poll() is None:
            p.kill()
    shutil.rmtree(TMP, ignore_errors=True)


atexit.register(_cleanup)


def env(**more):
    e = dict(os.environ)
    for k in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        e[k] = os.path.join(TMP, k)
        os.makedirs(e[k], mode=0o700, exist_ok=True)
    e["LC_ALL"] = "C.UTF-8"
    for k in ("TTYMEET_PASSWORD", "TTYMEET_JWT"):
        e.pop(k, None)
    e.update(more)
    return e


def fail(text):
    print("FAILED:", text)
    sys.exit(1)


def check(ok, text):
    print("ok  " if ok else "BAD ", text)
    if not ok:
        fail(text)


def start(args, **kw):
    kw.setdefault("env", env())
    p = subprocess.Popen([EXE] + args, **kw)
    _procs.append(p)
    return p


class Host:
    def __init__(self, listen="127.0.0.1:0", media="127.0.0.1:0", args=(), **kw):
        self.log = open(os.path.join(TMP, "host-%d.log" % len(_procs)), "w")
        self.p = start(["host", "--listen", listen, "--media", media, "-v", *args],
                       stdout=subprocess.PIPE, stderr=self.log, text=True, **kw)
        line = self.p.stdout.readline()
        if not line.startswith("ready "):
            fail("the host said %r: %s" % (line, open(self.log.name).read()))
        self.url = line.split()[1]
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def room(self, name="flow"):
        return self.url + name

    def stop(self, sig=signal.SIGTERM):
        self.p.send_signal(sig)
        return self.p.wait(10 * SLOW)


class Client:
    """A headless client: its events, its control socket, its exit code."""

    def __init__(self, url, name, args=(), mic="null", speaker="null", **kw):
        n = len(_procs)
        self.name = name
        self.sock = os.path.join(TMP, "c%d.sock" % n)
        self.errfile = os.path.join(TMP, "%s-%d.log" % (name, n))
        self.err = open(self.errfile, "w")
        self.events, self.seen = queue.Queue(), []
        self.p = start(["--headless", "-v", "--name", name, "--mic", mic, "--speaker", speaker,
                        "--socket", self.sock, *args, url],
                       stdout=subprocess.PIPE, stderr=self.err, text=True,
                       stdin=subprocess.DEVNULL, **kw)
        threading.Thread(target=self._read, daemon=True).start()
        self._id = 0

    def _read(self):
        for line in self.p.stdout:
            try:
                self.events.put(json.loads(line))
            except ValueError:
                self.events.put({"event": "garbage", "line": line})
        self.events.put({"event": "eof"})

    def wait(self, what, timeout=10, **fields):
        """The next event of that kind with these fields; those before are kept in seen."""
        end = time.monotonic() + timeout * SLOW
        while True:
            left = end - time.monotonic()
            try:
                ev = self.events.get(timeout=max(left, 0.01))
            except queue.Empty:
                self.dump()
                fail("%s: no %s %r within %s s" % (self.name, what, fields, timeout))
            self.seen.append(ev)
            if ev["event"] == what and all(match(ev, k, v) for k, v in fields.items()):
                return ev
            if ev["event"] == "eof" and what != "eof":
                self.dump()
                fail("%s: ended while waiting for %s" % (self.name, what))

    def drain(self):
        """All events so far, those that a wait() passed over as well."""
        while not self.events.empty():
            self.seen.append(self.events.get())
        return self.seen

    def dump(self):
        for ev in self.seen[-15:]:
            print("   ", self.name, ev)
        self.err.flush()
        print(open(self.errfile).read()[-2000:])

    def rpc(self, method, **params):
        self._id += 1
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10 * SLOW)
        end = time.monotonic() + 5 * SLOW
        while True:
            try:
                s.connect(self.sock)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        s.sendall((json.dumps({"jsonrpc": "2.0", "id": self._id, "method": method,
                               "params": params}) + "\n").encode())
        data = b""
        while not data.endswith(b"\n"):
            chunk = s.recv(65536)
            if not chunk:
                break
            data += chunk
        s.close()
        return json.loads(data)

    def command(self, line):
        r = self.rpc("command", line=line)
        return r["result"]["text"] if "result" in r else None

    def refused(self, line):
        r = self.rpc("command", line=line)
        return r.get("error", {}).get("data", {}).get("kind")

    def result(self, method, **params):
        return self.rpc(method, **params)["result"]

    def end(self, timeout=10):
        code = self.p.wait(timeout * SLOW)
        self.err.flush()
        return code

    def stderr(self):
        self.err.flush()
        return open(self.errfile).read()


def match(ev, key, value):
    got = ev
    for part in key.split("__"):
        got = got.get(part) if isinstance(got, dict) else None
    return value(got) if callable(value) else got == value


def eventually(text, fn, timeout=10):
    end = time.monotonic() + timeout * SLOW
    while time.monotonic() < end:
        if fn():
            print("ok  ", text)
            return
        time.sleep(0.05)
    fail(text)


# ---- a line that breaks ----

class Cuttable:
    """A TCP line to 127.0.0.1:port.  cut(): closed, and nobody answers; hold(): it stands, and nothing passes; mend()."""

    def __init__(self, port):
        self.to = port
        self.state, self.pairs, self.accepted = "up", set(), 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            a, _ = self.listener.accept()
            if self.state != "up":
                # A reset, as of a host where nobody listens.
                a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                a.close()
                continue
            try:
                b = socket.create_connection(("127.0.0.1", self.to), 5)
            except OSError:
                a.close()
                continue
            b.settimeout(None)
            self.accepted += 1
            pair = (a, b)
            self.pairs.add(pair)
            for x, y in (pair, pair[::-1]):
                threading.Thread(target=self._pump, args=(x, y, pair), daemon=True).start()

    def change(self, data, up):
        """What becomes of data; up: on its way to the port."""
        return data

    def _pump(self, x, y, pair):
        try:
            while True:
                data = self.change(x.recv(65536), x is pair[0])
                if not data:
                    break
                while self.state == "held" and pair in self.pairs:
                    time.sleep(0.02)
                if pair not in self.pairs:
                    break
                y.sendall(data)
        except OSError:
            pass
        self._close(pair)

    def _close(self, pair):
        self.pairs.discard(pair)
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def cut(self):
        self.state = "cut"
        for pair in list(self.pairs):
            self._close(pair)

    def hold(self):
        self.state = "held"

    def mend(self):
        """What was held is lost: another connection has to be made."""
        if self.state == "held":
            self.cut()
        self.state = "up"


# ---- sounds ----

def write_wav(name, x):
    path = os.path.join(TMP, name)
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes((np.clip(x, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def read_wav(path):
    with wave.open(path, "rb") as w:
        check(w.getframerate() == RATE, "%s has 48 kHz" % os.path.basename(path))
        x = np.frombuffer(w.readframes(w.getnframes()), dtype="<i2").astype(float) / 32768
        return x.reshape(-1, w.getnchannels()).mean(axis=1)


def tone(hz, seconds, gain=0.25):
    return gain * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def speech_like(seconds, seed, gain=0.3):
    """Noise bands under a syllable's rhythm: nobody's voice, but as busy, and each seed its own."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    f0 = 110 + 37 * (seed % 5) + 15 * np.sin(2 * np.pi * 0.7 * t + seed)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    x = sum(np.sin(k * phase + rng.uniform(0, 6)) / k for k in range(1, 14))
    noise = np.convolve(rng.standard_normal(n), np.ones(12) / 12, "same")
    env_points = rng.uniform(0.25, 1, int(seconds * 5) + 2)
    envelope = np.interp(t * 5, np.arange(len(env_points)), env_points)
    x = (x * 0.5 + noise * 0.4) * envelope
    return gain * x / np.max(np.abs(x))


def find(part, whole):
    """Where part is in whole: (offset, correlation coefficient, gain) by FFT."""
    n = 1 << int(np.ceil(np.log2(len(whole) + len(part))))
    c = np.fft.irfft(np.fft.rfft(whole, n) * np.conj(np.fft.rfft(part, n)), n)[:len(whole)]
    at = int(np.argmax(c[:max(1, len(whole) - len(part) // 2)]))
    seg = whole[at:at + len(part)]
    p = part[:len(seg)]
    coeff = float(np.dot(seg, p) / (np.linalg.norm(seg) * np.linalg.norm(p) + 1e-12))
    gain = float(np.dot(seg, p) / (np.dot(p, p) + 1e-12))
    return at, coeff, gain


def longest_zero_ms(x):
    zero = np.concatenate(([0], (x == 0).astype(int), [0]))
    edges = np.flatnonzero(np.diff(zero))
    runs = edges[1::2] - edges[::2]
    return 0 if not len(runs) else int(runs.max()) * 1000 // RATE

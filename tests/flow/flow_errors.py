"""Wrong inputs: one clear line each, and the exit code that the manual says."""
import http.server
import os
import threading
from lib import *


def run(args, code, words, timeout=20, **kw):
    p = subprocess.run([EXE] + args, env=env(**kw), stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, timeout=timeout * SLOW)
    lines = [l for l in p.stderr.splitlines() if l.startswith("ttymeet")]
    print("   ", lines)
    check(p.returncode == code, "%s: exit code %d (%d)" % (" ".join(args)[:60], p.returncode, code))
    check(any(words in l for l in lines), "and says why: %r" % words)


class NoJitsi(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"<html>nothing here</html>")

    do_POST = do_GET

    def log_message(self, *args):
        pass


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), NoJitsi)
threading.Thread(target=web.serve_forever, daemon=True).start()
free = socket.socket()
free.bind(("127.0.0.1", 0))
closed = free.getsockname()[1]
free.close()
quiet = ["--headless", "--mic", "null", "--speaker", "null"]

run([], 2, "which room")
run(["--nonsense", "x"], 2, "--help")
run(quiet + ["a/b", "c"], 2, "too much")
run(quiet + ["lonely-room"], 2, "no ttymeet host runs")
run(quiet + ["https:///room"], 2, "")
run(quiet + ["http://127.0.0.1:%d/" % closed], 2, "room")
run(quiet + ["http://127.0.0.1:%d/room" % closed], 3, "is the port right")
run(quiet + ["http://nowhere.invalid/room"], 3, "nowhere.invalid")
run(quiet + ["http://127.0.0.1:%d/room" % web.server_address[1]], 3, "Jitsi")
run(["--headless", "--mic", "file:/nonexistent.wav", "http://127.0.0.1:1/r"], 2, "/nonexistent.wav")
run(["--headless", "--mic", "null", "--speaker", "file:/nonexistent/x.wav", "http://127.0.0.1:1/r"], 2, "/nonexistent/x.wav")
run(["--ui", "full", "http://127.0.0.1:1/r"], 2, "needs a terminal")
run(["--for", "soon", "http://127.0.0.1:1/r"], 2, "10s or 5m")
run(["--set", "nothing=1", "http://127.0.0.1:1/r"], 2, "nothing")
run(["--password-file", "/nonexistent", "http://127.0.0.1:1/r"], 2, "/nonexistent")
run(["--budget", "9", "http://127.0.0.1:1/r"], 2, "from 12 to 1000")
run(["ctl", "mute"], 1, "no running ttymeet")
run(["host", "--listen", "127.0.0.1:notaport"], 2, "--listen")

small = Host(args=["--max-people", "2"])
first = Client(small.room("full"), "One")
second = Client(small.room("full"), "Two")
first.wait("joined")
second.wait("joined")
run(quiet + [small.room("full")], 4, "full")
secret = os.path.join(TMP, "secret")
with open(secret, "w") as f:
    f.write("tulip\n")
locked = Host(args=["--password-file", secret])
run(quiet + [locked.room("locked")], 4, "password")
ok = Client(locked.room("locked"), "Knows", ["--password-file", secret, "--for", "2s"])
ok.wait("joined")
deadline = time.monotonic() + 2 * SLOW
while not ok.result("status")["locked"] and time.monotonic() < deadline:
    time.sleep(0.05)
check(ok.result("status")["locked"], "status tells that the room has a password")
check(ok.end() == 0, "who knows the password comes in")

config = os.path.join(TMP, "config")
with open(config, "w") as f:
    f.write("# mine\n[audio]\nbitrate = loud\nframe_ms = 40\nnonsense\n")
p = subprocess.run([EXE, "-c", config] + quiet + ["http://127.0.0.1:%d/room" % closed], env=env(),
                   capture_output=True, text=True)
check("config:3" in p.stderr and "config:5" in p.stderr and p.returncode == 3,
      "bad lines of a config are named, the rest is used")

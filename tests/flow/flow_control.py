"""The control socket under bad clients: garbage, long lines, one that never reads, too many."""
from lib import *

host = Host()
c = Client(host.room("ctl"), "Anna")
c.wait("joined")


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5 * SLOW)
    s.connect(c.sock)
    return s


s = connect()
s.sendall(b"this is no JSON\n")
check(json.loads(s.recv(4096))["error"]["code"] == -32700, "garbage is answered with a parse error")
s.sendall(b'{"id":1}\n')
check(json.loads(s.recv(4096))["error"]["code"] == -32600, "JSON without a method, too")
s.sendall(b'{"jsonrpc":"2.0","id":2,"method":"fly"}\n')
check(json.loads(s.recv(4096))["error"]["code"] == -32601, "an unknown method, too")
s.close()

s = connect()
try:
    s.sendall(b"x" * (1 << 20) + b"\n")
    answer = s.recv(65536)
except OSError:
    answer = b""
check(b"64 KiB" in answer or answer == b"", "1 MB in a line ends the client")
s.close()

never = connect()
never.sendall(b'{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"events":["*"]}}\n')
for i in range(3000):
    try:
        never.send(b'{"jsonrpc":"2.0","id":3,"method":"messages"}\n', socket.MSG_DONTWAIT)
    except OSError:
        break
check(c.result("status")["state"] == "joined", "a client that never reads holds nobody up")

many = [connect() for _ in range(20)]
for x in many:
    x.close()
check(c.result("status")["state"] == "joined", "and the call goes on")
p = subprocess.run([EXE, "ctl", "--socket", c.sock, "who"], env=env(), capture_output=True, text=True)
check(p.returncode == 0 and "you" in p.stdout, "ttymeet ctl who: " + p.stdout.strip())
p = subprocess.run([EXE, "ctl", "--socket", c.sock, "--json", "status"], env=env(), capture_output=True, text=True)
check(json.loads(p.stdout)["state"] == "joined", "ttymeet ctl --json status")
for key in ("out", "in", "per_person", "rtt_ms", "delay_ms", "path", "joined_ms", "first_sound_ms",
            "cpu_percent", "private_kib", "rss_kib", "terminal", "uptime_s"):
    check(key in c.result("stats"), "stats has " + key)
if "address" not in EXE:    # plug-ins of ALSA and JACK leak, and are unloaded before they can be named
    devices = c.result("devices")
    check(set(devices) == {"mic", "speaker", "camera"}, "devices has its lists")
c.command("quit")
check(c.end() == 0, "leaves with 0")

"""The full screen under tmux: what is shown, resizing, a lost host, the terminal as it was found."""
import os
from lib import *

S = "ttymeet-flow-%d" % os.getpid()


def tmux(*args):
    p = subprocess.run(["tmux", "-L", S, *args], env=env(), capture_output=True, text=True)
    return p.stdout


def screen():
    return tmux("capture-pane", "-p", "-t", "0")


def shows(text, timeout=10):
    end = time.monotonic() + timeout * SLOW
    while time.monotonic() < end:
        if text in screen():
            print("ok   the screen shows", repr(text))
            return
        time.sleep(0.1)
    print(screen())
    fail("the screen does not show %r" % text)


atexit.register(lambda: tmux("kill-server"))
host = Host()
ben = Client(host.room("evening"), "Ben", mic="tone:300")
ben.wait("joined")
tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "bash --norc")
tmux("set-option", "-g", "remain-on-exit", "on")
tmux("send-keys", "PS1='$ '; stty -a > %s/before; tput smcup; tput rmcup" % TMP, "Enter")
cmd = "%s --name Ada --muted --mic null --speaker null --no-socket %s" % (EXE, host.room("evening"))
tmux("send-keys", "%s; echo status=$?; stty -a > %s/after" % (cmd, TMP), "Enter")
shows("MUTED")
shows("Ben")
tmux("send-keys", "-l", "good evening & welcome")
tmux("send-keys", "Enter")
ben.wait("message", text="good evening & welcome")
shows("good evening & welcome")
ben.command("say the sleeve notes are here")
shows("the sleeve notes are here")
tmux("send-keys", "M-m")
shows("OPEN")
tmux("send-keys", "M-m")
shows("MUTED")
for w, h in ((40, 12), (20, 5), (5, 2), (120, 34), (80, 24)):
    tmux("resize-window", "-x", str(w), "-y", str(h))
    time.sleep(0.2)
shows("MUTED")
shows("the sleeve notes are here")
tmux("send-keys", "/who", "Enter")
shows("#")
port = host.port
host.p.kill()
host.p.wait()
shows("reconnecting", 20)
host = Host(listen="127.0.0.1:%d" % port)
shows("back", 40)
ben.wait("state", state="joined", timeout=40)
ben.p.send_signal(signal.SIGTERM)
shell = tmux("list-panes", "-F", "#{pane_pid}").strip()
pid = int(subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True).stdout.split()[0])
os.kill(pid, signal.SIGTERM)
shows("status=143")
eventually("the terminal's modes are as before", lambda: os.path.exists(TMP + "/after")
           and open(TMP + "/after").read() == open(TMP + "/before").read())

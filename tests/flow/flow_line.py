"""Line mode on a terminal: a password is asked for and not shown; the terminal is as it was, however it ends."""
import fcntl
import pty
import select
import termios
from lib import *

SECRET, WRONG = "sesame street", "swordfish"


class Terminal:
    """A line mode client that has a terminal of its own."""

    def __init__(self, url):
        self.master, slave = pty.openpty()
        self.found = self.modes()
        self.text, self.read_to = "", 0
        self.p = start(["--line", "--name", "Ada", "--mic", "null", "--speaker", "null", "--no-socket", url],
                       stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                       preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def modes(self):
        return termios.tcgetattr(self.master)

    def echo(self):
        return bool(self.modes()[3] & termios.ECHO)

    def read(self, timeout):
        if select.select([self.master], [], [], timeout)[0]:
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                time.sleep(timeout)

    def says(self, words, timeout=10):
        end = time.monotonic() + timeout * SLOW
        while words not in self.text[self.read_to:]:
            if time.monotonic() > end:
                fail("no %r in %r" % (words, self.text))
            self.read(0.1)
        self.read_to = self.text.index(words, self.read_to) + len(words)
        print("ok   it says", repr(words))

    def type(self, text):
        os.write(self.master, text.encode())

    def asks(self):
        self.says("it is not shown.")
        eventually("what is typed is not shown", lambda: not self.echo())

    def ends(self, code):
        end = time.monotonic() + 10 * SLOW
        while self.p.poll() is None and time.monotonic() < end:
            self.read(0.05)
        check(self.p.poll() == code, "it ends with %d" % code)
        check(self.modes() == self.found, "the terminal's modes are as before")


secret = os.path.join(TMP, "secret")
with open(secret, "w") as f:
    f.write(SECRET + "\n")
host = Host(args=["--password-file", secret])

t = Terminal(host.room("tea"))
t.asks()
t.type(WRONG + "\n")
t.says("That password is wrong")
t.asks()
t.type("\x1a")                          # Ctrl+Z
eventually("a stopped job's terminal shows what is typed", t.echo)
t.p.send_signal(signal.SIGCONT)
eventually("and does not when it goes on", lambda: not t.echo())
t.type(SECRET + "\n")
t.says("Joined")
check(t.echo(), "in the room what is typed is shown")
check(SECRET not in t.text and WRONG not in t.text, "no password was shown")
check("tea has a password" in t.text, "the room's name keeps its small letter")
ben = Client(host.room("tea"), "ben", ["--password-file", secret])
t.says("\nben joined.")
ben.p.send_signal(signal.SIGTERM)
t.says("\nben left")
t.type("/quit\n")
t.ends(0)

for what, code in (("\x03", 130), (signal.SIGTERM, 143), ("\x1c", -signal.SIGQUIT), (signal.SIGSEGV, -signal.SIGSEGV),
                   ("/quit\n", 0)):
    t = Terminal(host.room("tea"))
    t.asks()
    t.type(what) if isinstance(what, str) else t.p.send_signal(what)
    t.ends(code)

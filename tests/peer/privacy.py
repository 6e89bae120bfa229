"""What a call puts on the line: whom it talks to, and what the bytes say of the machine and the person."""
import getpass
import platform
import re
from lib import *
from lib_odd import Odd

host = Host(args=["--domain", "localhost"])
MARK = dict(USER="erika", LOGNAME="erika", HOME=TMP + "/erika", REALNAME="Erika Musterfrau", EMAIL="erika@example.org")
os.makedirs(TMP + "/erika", exist_ok=True)


def js(odd, path):
    """Names a dozen others, as configs do: none of them is to be asked."""
    return """var config = { hosts: { domain: 'localhost' }, websocket: '%s/xmpp-websocket', conferenceRequestUrl: '%s/conference-request/v1',
    websocketKeepAliveUrl: 'http://127.0.0.9:9/_unlock', callStatsID: 'x', dialInNumbersUrl: 'http://127.0.0.9:9/dial',
    analytics: { scriptURLs: ['http://127.0.0.9:9/a.js'], rtcstatsEndpoint: 'ws://127.0.0.9:9/', amplitudeAPPKey: 'k' },
    gravatarBaseURL: 'http://127.0.0.9:9/', inviteServiceUrl: 'http://127.0.0.9:9/i', tokenAuthUrl: 'http://127.0.0.9:9/t',
    deploymentUrls: { userDocumentationURL: 'http://127.0.0.9:9/d' }, brandingDataUrl: 'http://127.0.0.9:9/b',
    dynamicBrandingUrl: 'http://127.0.0.9:9/b2', bosh: 'http://127.0.0.9:9/http-bind', iAmRecorder: false,
    p2p: { stunServers: [ { urls: 'stun:127.0.0.9:3478' } ] }, feedbackPercentage: 100, whiteboard: { collabServerBaseUrl: 'http://127.0.0.9:9' } };
    """ % (odd.here("ws"), odd.here())


def call(room, *args, exe=None, **kw):
    """Ada through a server that keeps all, Ben beside her; their log and hers."""
    odd = Odd(host, js=js, request=None, own_channel=True, own_media=True)
    usual, flow.EXE = flow.EXE, exe or flow.EXE
    ada = Client(odd.url(room), "Ada", mic="tone:440", args=list(args), **kw)
    flow.EXE = usual
    ada.wait("joined", timeout=20)
    ben = Client(host.room(room), "Ben", mic="tone:600")
    ada.wait("media", media="connected", timeout=20)
    ben.wait("talking", person__name="Ada", on=True, timeout=20)
    ada.command("say hello")
    ben.wait("message", text="hello")
    eventually("the channel is open", lambda: odd.texts("bridge"))
    time.sleep(1.5)
    for c in (ada, ben):
        c.command("quit")
        check(c.end(20) == 0, "%s left" % c.name)
    return odd


def said(odd):
    """All bytes that the client sent, in one."""
    out = [t if isinstance(t, bytes) else t.encode() for k, w, t in odd.log if w == "out"]
    return b"\n".join(out), b"\n".join(odd.udp_log)


# ---- what the bytes say ----

one = call("one", env=env(**MARK))
tcp, udp = said(one)
machine = [w for w in {platform.node(), platform.release(), getpass.getuser()} if len(w) > 5]
for word in ["erika", "musterfrau", "example.org", "libnice", "libwebsockets", "glib", "openssl", "linux", "debian", "curl/"] + machine:
    check(word.lower().encode() not in tcp.lower() and word.lower().encode() not in udp.lower(), "nothing says %r" % word)
names = {m.decode() for m in re.findall(rb"(?i)ttymeet[^\s\"'<>]*", tcp)}
names = {n.split("#")[0] for n in names}
check(names <= {"ttymeet/0.1.0", "ttymeet", "ttymeet.org"}, "the program says its name and version alone: %r" % names)
check(tcp.lower().count(b"user-agent: ttymeet/0.1.0\r\n") == 4, "in config.js, request and both WebSockets")
check(b"ttymeet" not in udp, "not in the media's clear parts")
check(udp and one.hits[0] == "/config.js?room=one", "it was that call")
headers = {l.split(b":")[0].lower() for k, w, t in one.log if k == "http" for l in t.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
known = {b"host", b"user-agent", b"accept", b"accept-encoding", b"content-type", b"content-length", b"origin", b"upgrade", b"connection",
         b"pragma", b"cache-control", b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-protocol", b"sec-websocket-extensions"}
check(headers <= known, "no header beyond what is needed: %r" % (headers - known))

hidden = call("hidden", "--set", "privacy.version=off", env=env(**MARK))
tcp2, udp2 = said(hidden)
check(b"ttymeet" not in tcp2.lower() and b"ttymeet" not in udp2.lower() and b"user-agent" not in tcp2.lower(),
      "privacy.version = off: neither name nor version anywhere")

# ---- what ties two calls together ----


def ids(odd):
    text = said(odd)[0].decode("latin-1")
    return {"machine": set(re.findall(r'"machineUid":"(\w+)"', text)), "stats": set(re.findall(r"<stats-id>([^<]+)", text)),
            "ufrag": set(re.findall(r"ufrag=['\"]([^'\"]+)", text)), "ssrc": set(re.findall(r"ssrc=['\"](\d+)", text)),
            "print": set(re.findall(r"<fingerprint [^>]*>([^<]+)", text))}


again = call("one", env=env(**MARK))
a, b = ids(one), ids(again)
for k in a:
    check(len(a[k]) == 1 and len(b[k]) == 1 and a[k] != b[k], "%s is another one in the next call" % k)
kept = ""
for d in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "erika"):
    for base, _, files in os.walk(os.path.join(TMP, d)):
        for f in files:
            kept += open(os.path.join(base, f), errors="replace").read()
check(not [v for s in a.values() for v in s if v in kept], "and none of them is kept on disk")

# ---- whom it talks to ----

if shutil.which("strace"):
    trace = os.path.join(TMP, "strace.txt")
    wrapper = os.path.join(TMP, "traced")
    with open(wrapper, "w") as f:
        f.write("#!/bin/sh\nexec strace -f -qq -e signal=none -e trace=connect,sendto,sendmsg,sendmmsg -o %s %s \"$@\"\n" % (trace, EXE))
    os.chmod(wrapper, 0o755)
    odd = call("traced", exe=wrapper)
    text = open(trace).read()
    met = set(re.findall(r"sin_port=htons\((\d+)\), sin_addr=inet_addr\(\"([\d.]+)\"\)", text)) | \
        set(re.findall(r"sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, \"([^\"]+)\"", text))
    # Asking the kernel which address it would send from is a connect() of a datagram socket to where nobody is:
    # nothing is sent (io/netwatch.c).
    nobody = {("9", "192.0.2.1"), ("9", "2001:db8::1")}
    check(not [l for l in text.splitlines() if "send" in l and ("192.0.2.1" in l or "2001:db8::1" in l)], "nothing is sent to nobody")
    met -= nobody
    check(met == {(str(odd.port), "127.0.0.1"), (str(odd.udp), "127.0.0.1")},
          "nobody but the server and the bridge that it named: %r" % met)
    paths = set(re.findall(r"sun_path=\"([^\"]*)\"", text))
    check(not [p for p in paths if "resolv" in p or "dbus" in p or "avahi" in p or "nscd" in p], "no name was looked up: %r" % paths)
else:
    print("    strace is not here: whom it talks to was not looked at")

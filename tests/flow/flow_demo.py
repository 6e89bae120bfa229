"""ttymeet demo --headless: every guest seen, heard and read; a JSON line at the end."""
from lib import *

p = subprocess.run([EXE, "demo", "--headless", "--for", "15s"], env=env(), stdin=subprocess.DEVNULL,
                   capture_output=True, text=True, timeout=60 * SLOW)
print(p.stderr[-1500:])
last = json.loads(p.stdout.strip().splitlines()[-1])
print("   ", last)
check(p.returncode == 0 and last["ok"], "exit 0")
check(last["guests"] == 4 and all(h["packets"] > 50 for h in last["heard"]), "packets of each guest")
check(last["chat"] >= 4, "chat was seen")
check(0 < last["first_sound_ms"], "first sound after %d ms" % last["first_sound_ms"])

"""caps.py - how a voice sounds under a cap: caps.py SEND FOLDER

PESQ-WB against what was said, and against the same through a telephone's band (8 kHz sampling),
which is what the narrow codecs of small caps can reach at best.
"""
import os
import subprocess
import sys

import numpy as np
from pesq import pesq
from scipy.signal import resample_poly

import score
import speech

CAPS = (12, 16, 20, 24, 32, 64, 0)


def telephone(ref, heard, piece):
    a, b = score.cut(ref, heard, piece)
    return pesq(8000, resample_poly(a, 1, 6).astype(np.float32),
                resample_poly(b, 1, 6).astype(np.float32), "nb")


def main():
    send, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    ref, pieces = speech.make(folder)
    out = os.path.join(folder, "cap.raw")
    print("# kbit/s: cap, frames, Opus, line without reports; PESQ wide, PESQ narrow")
    for cap in CAPS:
        told = subprocess.run([send, os.path.join(folder, "speech.raw"), out, str(cap * 1000)],
                              check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        heard = np.fromfile(out, np.int16)
        wide = score.score(ref, heard, pieces, None)["pesq"]
        narrow = np.mean([telephone(ref, heard, p) for p in pieces])
        print("voice_cap_%-4s %s ms  %5s  %5s  %.2f  %.2f" %
              (cap or "none", *told, wide, narrow), flush=True)


if __name__ == "__main__":
    sys.exit(main())

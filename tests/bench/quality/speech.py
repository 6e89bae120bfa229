"""speech.py - what is said: synthetic voices, the same on each machine."""
import os
import subprocess

import numpy as np

HZ = 48000
GAP = HZ * 3 // 5
LEVEL = 10 ** (-26 / 20)
# Sentences of the Harvard lists (IEEE, 1969), which are phonetically balanced.
WARM = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
SAID = [
    ("en-us", 150, "It is easy to tell the depth of a well. These days a chicken leg is a rare dish. "
     "Rice is often served in round bowls. The juice of lemons makes fine punch."),
    ("en-gb+f3", 155, "The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. "
     "Four hours of steady work faced us. A large size in stockings is hard to sell."),
    ("en-gb-scotland+m4", 145, "The boy was there when the sun rose. A rod is used to catch pink salmon. "
     "The source of the huge river is the clear spring. Kick the ball straight and follow through."),
    ("en-us+f5", 150, "Help the woman get back to her feet. A pot of tea helps to pass the evening. "
     "Smoky fires lack flame and heat. The soft cushion broke the man's fall."),
]


def say(voice, speed, text):
    wav = subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text],
                         check=True, stdout=subprocess.PIPE).stdout
    raw = subprocess.run(["sox", "-t", "wav", "-", "-t", "raw", "-e", "signed", "-b", "16",
                          "-c", "1", "-r", str(HZ), "-D", "-"],
                         input=wav, check=True, stdout=subprocess.PIPE).stdout
    v = np.frombuffer(raw, np.int16).astype(float) / 32768
    loud = v[np.abs(v) > 0.01]
    v *= LEVEL / np.sqrt(np.mean(loud ** 2))
    return np.round(np.clip(v, -0.95, 0.95) * 32767).astype(np.int16)


def make(folder):
    """Writes speech.raw; gives samples and the pieces to score as (from, to)."""
    # A room is never digitally silent: noise at -66 dBFS.
    noise = np.random.RandomState(7)
    parts, pieces, at = [], [], 0
    for i, (voice, speed, text) in enumerate([("en-us+f2", 150, WARM)] + SAID):
        v = say(voice, speed, text)
        if i:
            pieces.append((at - GAP // 2, at + len(v) + GAP // 2))
        parts += [v, np.zeros(GAP, np.int16)]
        at += len(v) + GAP
    v = np.concatenate(parts)
    v = np.clip(v + np.round(noise.normal(0, 16, len(v))), -32768, 32767).astype(np.int16)
    v = v[:len(v) // 960 * 960]
    v.tofile(os.path.join(folder, "speech.raw"))
    return v, pieces

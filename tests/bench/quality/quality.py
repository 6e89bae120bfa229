"""quality.py - what a listener gets on lines that lose and delay.

The same packets at the same moments through our receiver (in passed-in time)
and through Chromium's (in real time); `make bench-quality` calls this.

    quality.py RECEIVE FOLDER [--quick] [--seeds N] [--fec PERCENT] [--store] [--cells TEXT]

--quick takes Chromium's figures from chromium.json instead of listening to it
again, --store writes them there.  See README.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import subprocess
import sys

import numpy as np

import lines
import speech

HERE = os.path.dirname(os.path.abspath(__file__))
STORED = os.path.join(HERE, "chromium.json")
BITRATE = 32000
LATE_MS = 5             # of 99 in 100 packets
PHASE_US = 3000         # our listener's ticks lie anywhere between two packets


def read_packets(path):
    data, out, at = open(path, "rb").read(), [], 0
    while at < len(data):
        n = data[at] | data[at + 1] << 8
        out.append(data[at + 2:at + 2 + n])
        at += 2 + n
    return out


def receive_ours(args, packets, cell, seed, count):
    stem = os.path.join(args.folder, "ours-%d-%s-%d-%d" % (*cell, seed))
    lines.write(stem + ".trace", lines.make(cell, seed, count))
    phase = PHASE_US + seed * 1700 % 10000
    told = subprocess.run([args.receive, "play", packets, stem + ".trace", stem + ".raw",
                           str(phase), str(args.warm_ms)], check=True, stdout=subprocess.PIPE).stdout
    pcm = np.fromfile(stem + ".raw", np.int16)
    if not args.keep:
        os.remove(stem + ".trace")
        os.remove(stem + ".raw")
    return np.concatenate([np.zeros(phase * 48 // 1000, np.int16), pcm]), json.loads(told)


def scored(ref, heard, pieces, figures, with_visqol):
    import score
    return {**figures, **score.score(ref, heard, pieces, with_visqol)}


def mean(runs, key):
    v = [r[key] for r in runs if key in r and r[key] == r[key]]
    return float(np.mean(v)) if v else float("nan")


COLUMNS = (("pesq", "%.2f"), ("visqol", "%.2f"), ("concealed", "%.1f"), ("wait_ms", "%.0f"),
           ("delay_ms", "%.0f"))


def row(runs):
    out = []
    for key, form in COLUMNS:
        x = mean(runs, key)
        out.append("-" if x != x else form % (x * 100 if key == "concealed" else x))
    return " / ".join(out)


def verdict(ours, theirs):
    """Line by line, since each seed is a line of its own; beyond the noise is two
    standard errors of the difference, and at least 0.05."""
    n = min(len(ours), len(theirs))
    if not n:
        return ""
    gain = [a["pesq"] - b["pesq"] for a, b in zip(ours, theirs)]
    noise = max(0.05, 2 * np.std(gain, ddof=1) / np.sqrt(n) if n > 1 else 0.2)
    better = float(np.mean(gain))
    later = mean(ours[:n], "wait_ms") - mean(theirs[:n], "wait_ms")
    words = []
    if abs(better) > noise:
        words.append("better" if better > 0 else "WORSE")
    if abs(later) > 5:
        words.append("later" if later > 0 else "sooner")
    return "%+.2f (noise %.2f) %+.0f ms %s" % (better, noise, later, " ".join(words))


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("receive")
    p.add_argument("folder")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--store", action="store_true")
    p.add_argument("--keep", action="store_true")
    p.add_argument("--no-visqol", action="store_true")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--fec", type=int, default=0)
    p.add_argument("--cells", default="")
    return p.parse_args()


def prepare(args):
    os.makedirs(args.folder, exist_ok=True)
    ref, pieces = speech.make(args.folder)
    packets = os.path.join(args.folder, "packets-%d" % args.fec)
    subprocess.run([args.receive, "encode", os.path.join(args.folder, "speech.raw"), packets,
                    str(BITRATE), str(args.fec)], check=True)
    return ref, pieces, packets


def listen_to_chromium(args, packets):
    """[(seed, [(samples, figures) of each line])]; nothing else works meanwhile."""
    import chromium
    data, out, about = read_packets(packets), [], {}
    for seed in range(1, args.seeds + 1):
        traces = [lines.make(c, seed, len(data)) for c in lines.cells()]
        heard, about = chromium.run(data, traces, args.warm_ms)
        print("# Chromium, seed %d: sender late by %s ms (median, 99 %%, most)" %
              (seed, about["sender_late_ms"]), flush=True)
        if about["sender_late_ms"][1] > LATE_MS:
            print("# This machine is too busy: the figures of Chromium are of a worse line.")
        out.append((seed, heard))
    return out, about["agent"]


def score_chromium(args, ref, pieces, listened):
    """{cell name: [figures of each seed]}"""
    out = {}
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        jobs = []
        for seed, heard in listened:
            for c, (pcm, f) in zip(lines.cells(), heard):
                if args.keep:
                    pcm.tofile(os.path.join(args.folder, "chromium-%d-%s-%d-%d-%d.raw" %
                                            (*c, seed, args.fec)))
                jobs.append((c, pool.submit(scored, ref, pcm, pieces, f,
                                            None if args.no_visqol else seed)))
        for c, job in jobs:
            out.setdefault(lines.name(c), []).append(job.result())
    return out


def chromium_figures(args, ref, pieces, packets):
    stored = json.load(open(STORED)) if os.path.exists(STORED) else {}
    key = "fec %d" % args.fec
    if args.quick:
        if key not in stored:
            return {}, "no stored figures of Chromium for " + key
        return stored[key]["cells"], "Chromium as of %s (%s)" % (
            stored[key]["date"], stored[key]["agent"].split("Chrome/")[-1].split(" ")[0])
    listened, agent = listen_to_chromium(args, packets)
    theirs = score_chromium(args, ref, pieces, listened)
    if args.store:
        stored[key] = {"date": datetime.date.today().isoformat(), "agent": agent, "cells": {
            c: [{k: round(v, 4) for k, v in r.items()} for r in runs]
            for c, runs in theirs.items()}}
        with open(STORED, "w") as f:
            json.dump(stored, f, indent=1, sort_keys=True)
            f.write("\n")
    return theirs, agent


def main():
    args = parse()
    ref, pieces, packets = prepare(args)
    args.warm_ms = pieces[0][0] // 48
    count = len(ref) // 960
    theirs, about = chromium_figures(args, ref, pieces, packets)
    print("# %s; Opus %d bit/s, FEC tuned to %d %%; %d seeds" % (about, BITRATE, args.fec, args.seeds))
    print("# PESQ-WB / ViSQOL / concealed % / ms in the buffer / ms from mouth to ear")
    print("%-18s %-34s %-34s %s" % ("loss % / jitter", "ours", "Chromium", "ours against it"))
    worse = 0
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        jobs = {}
        for c in lines.cells():
            if args.cells and args.cells not in lines.name(c):
                continue
            for seed in range(1, args.seeds + 1):
                heard, f = receive_ours(args, packets, c, seed, count)
                jobs.setdefault(lines.name(c), []).append(
                    pool.submit(scored, ref, heard, pieces, f,
                                None if args.no_visqol else seed))
        for c, futures in jobs.items():
            ours = [f.result() for f in futures]
            said = verdict(ours, theirs.get(c, []))
            worse += "WORSE" in said
            print("%-18s %-34s %-34s %s" % (c, row(ours), row(theirs.get(c, [])), said), flush=True)
    print("# worse than Chromium beyond the noise: %d of %d cells" % (worse, len(jobs)))


if __name__ == "__main__":
    sys.exit(main())

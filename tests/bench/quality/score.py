"""score.py - how much of the speech arrived, and when."""
import numpy as np
from pesq import pesq
from scipy.signal import resample_poly
from visqol import VisqolApi

HZ = 48000
FAR = HZ                # the furthest that sound is looked for
_visqol = []


def lag_of(ref, at, n, heard, around=None, reach=FAR):
    """Where ref[at:at+n] stands in heard, in samples behind `at`, and how alike it is."""
    lo = at + (around - reach if around is not None else 0)
    lo = max(0, lo)
    hi = min(len(heard), at + n + (around + reach if around is not None else reach))
    piece, field = ref[at:at + n].astype(float), heard[lo:hi].astype(float)
    if len(field) < n:
        return 0, 0.0
    size = 1 << (len(field) + n).bit_length()
    c = np.fft.irfft(np.fft.rfft(field, size) * np.conj(np.fft.rfft(piece, size)), size)
    c = c[:len(field) - n + 1]
    sums = np.concatenate([[0], np.cumsum(field ** 2)])
    energy = sums[n:] - sums[:-n]
    like = c / np.sqrt(np.maximum(energy, 1) * max(1.0, float(np.dot(piece, piece))))
    k = int(np.argmax(like))
    return lo + k - at, float(like[k])


def delay_ms(ref, heard, first, last):
    """Mean delay of all stretches of 200 ms that can be recognised."""
    n, lags = HZ // 5, []
    for at in range(first, last - n, HZ // 4):
        if np.sqrt(np.mean(ref[at:at + n].astype(float) ** 2)) < 300:
            continue
        lag, like = lag_of(ref, at, n, heard)
        if like > 0.6:
            lags.append(lag)
    return float(np.mean(lags)) / (HZ / 1000) if lags else float("nan")


def cut(ref, heard, piece):
    lag, _ = lag_of(ref, piece[0], piece[1] - piece[0], heard)
    deg = heard[piece[0] + lag:piece[1] + lag]
    part = ref[piece[0]:piece[1]]
    n = min(len(deg), len(part))
    return part[:n].astype(float) / 32768, deg[:n].astype(float) / 32768


def pesq_wb(ref, deg):
    return pesq(16000, resample_poly(ref, 1, 3).astype(np.float32),
                resample_poly(deg, 1, 3).astype(np.float32), "wb")


def visqol(ref, deg):
    if not _visqol:
        api = VisqolApi()
        api.create(mode="speech")
        _visqol.append(api)
    return _visqol[0].measure_from_arrays(resample_poly(ref, 1, 3), resample_poly(deg, 1, 3),
                                          16000).moslqo


def score(ref, heard, pieces, with_visqol):
    """with_visqol: the number of the one piece that it looks at (it takes seconds), or None."""
    cuts = [cut(ref, heard, p) for p in pieces]
    out = {"pesq": float(np.mean([pesq_wb(*c) for c in cuts])),
           "delay_ms": delay_ms(ref, heard, pieces[0][0], pieces[-1][1])}
    if with_visqol is not None:
        out["visqol"] = float(visqol(*cuts[with_visqol % len(cuts)]))
    return out

"""chromium.py - the same packets at the same moments through a browser.

One peer connection carries a track for each line; a page plays them and gives
back what it heard, sample by sample, and what its statistics say.
"""
import asyncio
import gc
import heapq
import json
import os
import random
import shutil
import signal
import tempfile
import time

import numpy as np
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
]


class Sender:
    """All tracks of one run."""

    def __init__(self, packets, traces, warm_ms, end_ms):
        self.packets, self.traces = packets, traces
        self.warm_ms, self.end_ms = warm_ms, end_ms
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.senders = [self.pc.addTransceiver("audio", direction="sendonly").sender
                        for _ in traces]
        self.sound, self.late_ms = {}, []
        self.done = asyncio.get_running_loop().create_future()

    async def offer(self, _):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return web.json_response({"sdp": self.pc.localDescription.sdp, "warm_ms": self.warm_ms,
                                  "said_ms": len(self.packets) * 20, "end_ms": self.end_ms})

    async def answer(self, request):
        sdp = (await request.json())["sdp"]
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        return web.Response()

    async def start(self, _):
        while self.pc.connectionState != "connected":
            await asyncio.sleep(0.02)
        self.origin = time.time() + 0.3
        self.task = asyncio.ensure_future(self.send())
        return web.json_response({"start_ms": self.origin * 1000})

    async def send(self):
        transport = self.senders[0].transport
        for m in self.pc.localDescription.sdp.splitlines():
            if m.startswith("a=rtpmap:") and "opus/48000" in m:
                pt = int(m[9:].split()[0])
        random.seed(1)
        first = [(random.randrange(30000), random.randrange(1 << 32)) for _ in self.traces]
        queue = heapq.merge(*[[(at, k, i) for at, i in t] for k, t in enumerate(self.traces)])
        for at, k, i in queue:
            due = self.origin + at / 1e6
            wait = due - time.time()
            if wait > 0.0005:
                await asyncio.sleep(wait - 0.0002)
            self.late_ms.append((time.time() - due) * 1000)
            seq, ts = (first[k][0] + i) & 0xffff, (first[k][1] + i * 960) & 0xffffffff
            head = bytes([0x80, pt]) + seq.to_bytes(2, "big") + ts.to_bytes(4, "big") + \
                self.senders[k]._ssrc.to_bytes(4, "big")
            await transport._send_rtp(head + self.packets[i])

    async def take(self, request):
        q = request.query
        self.sound[q["mid"]] = (np.frombuffer(await request.read(), np.int16).copy(),
                                float(q["start_ms"]), float(q["rate"]))
        return web.Response()

    async def finish(self, request):
        self.done.set_result(await request.json())
        return web.Response()

    async def failed(self, request):
        if not self.done.done():
            self.done.set_exception(RuntimeError(await request.text()))
        return web.Response()


def hurry(policy, priority):
    """Others on this machine must not be heard.  What is not allowed is left."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -19 if policy else 0)
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        pass


async def page(_):
    return web.FileResponse(os.path.join(HERE, "page.html"))


async def browse(sender, port, limit_s):
    profile = tempfile.mkdtemp(prefix="quality-")
    p = await asyncio.create_subprocess_exec(
        shutil.which("chromium") or "chromium", *FLAGS, "--user-data-dir=" + profile,
        "http://127.0.0.1:%d/" % port, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True, preexec_fn=lambda: hurry(os.SCHED_RR, 1))
    try:
        return await asyncio.wait_for(sender.done, limit_s)
    finally:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await p.wait()
        shutil.rmtree(profile, ignore_errors=True)


def change(before, after, key):
    return after.get(key, 0) - before.get(key, 0)


def figures(before, after):
    emitted = change(before, after, "jitterBufferEmittedCount")
    return {
        "wait_ms": change(before, after, "jitterBufferDelay") / max(1, emitted) * 1000,
        "concealed": change(before, after, "concealedSamples") /
        max(1, change(before, after, "totalSamplesReceived")),
        "fec": change(before, after, "fecPacketsReceived"),
        "shortened": change(before, after, "removedSamplesForAcceleration") / max(1, emitted),
        "lengthened": change(before, after, "insertedSamplesForDeceleration") / max(1, emitted),
    }


async def run_async(packets, traces, warm_ms):
    end_ms = len(packets) * 20 + 500
    sender = Sender(packets, traces, warm_ms, end_ms)
    app = web.Application(client_max_size=1 << 28)
    app.add_routes([web.get("/", page), web.get("/offer", sender.offer),
                    web.post("/answer", sender.answer), web.get("/start", sender.start),
                    web.post("/sound", sender.take), web.post("/done", sender.finish),
                    web.post("/failed", sender.failed)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        told = await browse(sender, site._server.sockets[0].getsockname()[1],
                            end_ms / 1000 + 60)
        return collect(sender, told)
    finally:
        await sender.pc.close()
        await runner.cleanup()


def collect(sender, told):
    out = []
    for k in range(len(sender.traces)):
        mid = str(k)
        pcm, start_ms, rate = sender.sound[mid]
        if rate != 48000:
            raise RuntimeError("the browser plays at %g Hz" % rate)
        skip = round((sender.origin * 1000 - start_ms) * 48)
        pcm = pcm[skip:] if skip >= 0 else np.concatenate([np.zeros(-skip, np.int16), pcm])
        out.append((pcm, figures(told["before"].get(mid, {}), told["after"].get(mid, {}))))
    late = np.percentile(sender.late_ms, [50, 99, 100])
    return out, {"agent": told["agent"], "sender_late_ms": [round(float(x), 2) for x in late]}


def run(packets, traces, warm_ms):
    """[(samples from the moment packet 0 was sent, figures)] and how it went."""
    hurry(os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, 5)
    gc.disable()
    try:
        return asyncio.run(run_async(packets, traces, warm_ms))
    finally:
        gc.enable()
        hurry(os.SCHED_OTHER, 0)

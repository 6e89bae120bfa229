// bridge.js - a bridge for two made of libwebrtc (@roamhq/wrtc): each hears the other; see tests/peer/lib_focus.py
//
// In, one JSON object a line, each answered by one: {"add": ID}, {"accept": ID, ...description}, {"stats": true},
// {"say": OBJECT}, which goes to both over their data channels.  Out besides: {"event": ...}.
'use strict';
const path = require('path'), readline = require('readline');
const wrtc = require(path.join(process.env.PEER_MODULES, '@roamhq/wrtc'));
const { RTCAudioSource, RTCAudioSink } = wrtc.nonstandard;
const { describe, theirs } = require('./sdp.js');
const print = x => process.stdout.write(JSON.stringify(x) + '\n');
const people = new Map();

// libwebrtc decodes what comes from one and encodes it for the other.
function pass(from, data) {
	for (const [id, p] of people)
		if (id !== from) p.source.onData({ samples: data.samples, sampleRate: data.sampleRate, bitsPerSample: data.bitsPerSample,
			channelCount: data.channelCount, numberOfFrames: data.numberOfFrames });
}

async function add(id) {
	const pc = new wrtc.RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
	const p = { pc, source: new RTCAudioSource(), channel: null };
	people.set(id, p);
	pc.addTrack(p.source.createTrack());
	pc.createDataChannel('ours').close();
	pc.ontrack = ({ track }) => { new RTCAudioSink(track).ondata = data => pass(id, data); };
	pc.onconnectionstatechange = () => print({ event: 'state', id, state: pc.connectionState });
	pc.ondatachannel = ({ channel }) => {
		p.channel = channel;
		print({ event: 'channel', id });
		channel.onmessage = m => print({ event: 'message', id, text: m.data });
	};
	await pc.setLocalDescription(await pc.createOffer());
	while (pc.iceGatheringState !== 'complete') await new Promise(done => setTimeout(done, 10));
	const sdp = pc.localDescription.sdp;
	return { ...describe(sdp), ssrc: +sdp.match(/^a=ssrc:(\d+)/m)[1] };
}

async function stats() {
	const out = {};
	for (const [id, p] of people) {
		const all = [...(await p.pc.getStats()).values()], of = type => all.find(s => s.type === type) || {};
		out[id] = { in: of('inbound-rtp'), out: of('outbound-rtp'), transport: of('transport') };
	}
	return out;
}

async function run(c) {
	if (c.add) return add(c.add);
	if (c.accept) {
		await people.get(c.accept).pc.setRemoteDescription({ type: 'answer', sdp: theirs(c, c.setup, true) });
		return { ok: true };
	}
	if (c.say) {
		for (const p of people.values()) if (p.channel) p.channel.send(JSON.stringify(c.say));
		return { ok: true };
	}
	return stats();
}

let before = Promise.resolve();
readline.createInterface({ input: process.stdin }).on('line', l => {
	before = before.then(() => run(JSON.parse(l))).catch(e => ({ error: String(e && e.stack) })).then(print);
}).on('close', () => process.exit(0));

// wrtc.js - libwebrtc (@roamhq/wrtc) as the stranger of rtc_peer.c; see tests/peer/webrtc.py
//
//   node wrtc.js OPTIONS      {"offers", "client", "channel", "hz", "heard"}
//
// In and out one JSON object a line: our description {"ufrag", "pwd", "hash", "fingerprint", "candidates"}; then events.
// First in comes {"fingerprint", "ufrag", "pwd", "ssrc"} of the other side, with "port" if it sits at 127.0.0.1:port.
'use strict';
const fs = require('fs'), path = require('path'), readline = require('readline');
const wrtc = require(path.join(process.env.PEER_MODULES, '@roamhq/wrtc'));
const { describe, theirs } = require('./sdp.js');
const { RTCAudioSource, RTCAudioSink } = wrtc.nonstandard;
const o = JSON.parse(process.argv[2]);
const print = x => process.stdout.write(JSON.stringify(x) + '\n');

const pc = new wrtc.RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
const heard = fs.openSync(o.heard, 'w');
let channel;

function hum(source) {
	let phase = 0, due = Date.now();
	setInterval(() => {
		for (; due <= Date.now(); due += 10) {
			const samples = new Int16Array(480);
			for (let i = 0; i < 480; i++) {
				samples[i] = Math.round(8000 * Math.sin(phase));
				phase = (phase + 2 * Math.PI * o.hz / 48000) % (2 * Math.PI);
			}
			source.onData({ samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 });
		}
	}, 10);
}

function listen(ch) {
	channel = ch;
	ch.onopen = () => print({ event: 'channel', open: true });
	ch.onclose = () => print({ event: 'channel', open: false });
	ch.onmessage = m => print({ event: 'text', text: m.data });
}

pc.ontrack = ({ track }) => {
	new RTCAudioSink(track).ondata = d => {
		// Mono of whatever rate and number of channels comes.
		const out = new Int16Array(d.numberOfFrames);
		for (let i = 0; i < d.numberOfFrames; i++) out[i] = d.samples[i * d.channelCount];
		if (d.sampleRate === 48000) fs.writeSync(heard, Buffer.from(out.buffer));
	};
};
pc.ondatachannel = e => listen(e.channel);
pc.onconnectionstatechange = () => print({ event: 'state', state: pc.connectionState });

const gathered = () => new Promise(done => {
	if (pc.iceGatheringState === 'complete') done();
	else pc.onicegatheringstatechange = () => { if (pc.iceGatheringState === 'complete') done(); };
});

async function start(u) {
	const source = new RTCAudioSource();
	pc.addTrack(source.createTrack());
	hum(source);
	// We offer: we say actpass, the answer's setup decides.  We answer: the offer's setup does.
	if (o.offers) {
		if (o.channel) pc.createDataChannel('first').close();   // makes the section; the other side opens its own
		await pc.setLocalDescription(await pc.createOffer());
		await gathered();
		print(describe(pc.localDescription.sdp));
		await pc.setRemoteDescription({ type: 'answer', sdp: theirs(u, o.client ? 'passive' : 'active', o.channel) });
	} else {
		await pc.setRemoteDescription({ type: 'offer', sdp: theirs(u, o.client ? 'passive' : 'active', o.channel) });
		await pc.setLocalDescription(await pc.createAnswer());
		await gathered();
		print(describe(pc.localDescription.sdp));
	}
}

async function stats() {
	const all = [...(await pc.getStats()).values()], of = type => all.filter(s => s.type === type);
	print({ event: 'stats', in: of('inbound-rtp')[0], out: of('outbound-rtp')[0], far: of('remote-inbound-rtp')[0], sender: of('remote-outbound-rtp')[0],
		transport: of('transport')[0], pair: of('candidate-pair').find(p => p.nominated) });
}

let started = false;
readline.createInterface({ input: process.stdin }).on('line', l => {
	const c = JSON.parse(l);
	if (!started) { started = true; start(c).catch(e => print({ event: 'error', why: String(e) })); }
	else if (c.say) channel.send(c.say);
	else stats();
}).on('close', () => { pc.close(); process.exit(0); });

// werift.js - a third stack, in TypeScript alone, as the stranger of rtc_peer.c; it sends each packet of sound back
//
// Options and lines as in wrtc.js; it always offers.
'use strict';
const path = require('path'), readline = require('readline');
const { RTCPeerConnection, RTCRtpCodecParameters, MediaStreamTrack } = require(path.join(process.env.PEER_MODULES, 'werift'));
const { describe, theirs } = require('./sdp.js');
const o = JSON.parse(process.argv[2]);
const print = x => process.stdout.write(JSON.stringify(x) + '\n');

const pc = new RTCPeerConnection({ codecs: { audio: [new RTCRtpCodecParameters({ mimeType: 'audio/opus', clockRate: 48000, channels: 2, payloadType: 111 })] },
	bundlePolicy: 'max-bundle', iceAdditionalHostAddresses: ['127.0.0.1'], iceServers: [] });
const back = new MediaStreamTrack({ kind: 'audio' });
const audio = pc.addTransceiver(back, { direction: 'sendrecv' });
let channel;

audio.onTrack.subscribe(track => track.onReceiveRtp.subscribe(rtp => back.writeRtp(rtp)));
pc.onDataChannel.subscribe(ch => {
	channel = ch;
	print({ event: 'channel', open: true });
	ch.onMessage.subscribe(m => print({ event: 'text', text: String(m) }));
});
pc.connectionStateChange.subscribe(state => print({ event: 'state', state }));

async function start(u) {
	// It makes the section.  An id of its own: werift numbers by the role in ICE, where the one in DTLS should decide.
	if (o.channel) pc.createDataChannel('first', { negotiated: true, id: 100 });
	await pc.setLocalDescription(await pc.createOffer());
	print(describe(pc.localDescription.sdp));
	await pc.setRemoteDescription({ type: 'answer', sdp: theirs(u, o.client ? 'passive' : 'active', o.channel) });
}

let started = false;
readline.createInterface({ input: process.stdin }).on('line', l => {
	const c = JSON.parse(l);
	if (!started) { started = true; start(c).catch(e => print({ event: 'error', why: String(e && e.stack) })); }
	else if (c.say) channel.send(c.say);
	else print({ event: 'stats', suite: { 1: 'AES_CM_128_HMAC_SHA1_80', 7: 'AEAD_AES_128_GCM' }[pc.dtlsTransports[0].dtls.srtp.srtpProfile] });
}).on('close', () => process.exit(0));

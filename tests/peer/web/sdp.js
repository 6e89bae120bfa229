// sdp.js - descriptions of the sides that tests/peer/webrtc.py brings together: what is in a stranger's, and ours as SDP
'use strict';

const line = (sdp, name) => (sdp.match(new RegExp(`^a=${name}:(.*)$`, 'm')) || [])[1];
function describe(sdp) {
	const [hash, fingerprint] = line(sdp, 'fingerprint').trim().split(' ');
	const candidates = [...sdp.matchAll(/^a=candidate:\S+ 1 udp (\d+) (\S+) (\d+) typ host/gmi)]
		.map(m => ({ priority: +m[1], ip: m[2], port: +m[3] }));
	return { ufrag: line(sdp, 'ice-ufrag').trim(), pwd: line(sdp, 'ice-pwd').trim(), hash, fingerprint, candidates };
}

// The other side as SDP: this is all of it that a description must say.
function theirs(u, setup, withChannel) {
	const transport = ['c=IN IP4 0.0.0.0', 'a=rtcp-mux', `a=ice-ufrag:${u.ufrag}`, `a=ice-pwd:${u.pwd}`, `a=fingerprint:sha-256 ${u.fingerprint}`,
		`a=setup:${setup}`, ...u.port ? [`a=candidate:1 1 udp 2130706431 127.0.0.1 ${u.port} typ host`] : []];
	const lines = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', `a=group:BUNDLE 0${withChannel ? ' 1' : ''}`,
		'm=audio 9 UDP/TLS/RTP/SAVPF 111', ...transport, 'a=mid:0', 'a=sendrecv', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1',
		'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level', `a=ssrc:${u.ssrc} cname:ttymeet`, `a=ssrc:${u.ssrc} msid:tty audio`];
	if (withChannel) lines.push('m=application 9 UDP/DTLS/SCTP webrtc-datachannel', ...transport, 'a=mid:1', 'a=sctp-port:5000');
	return lines.join('\r\n') + '\r\n';
}

module.exports = { describe, theirs };

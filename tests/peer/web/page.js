// page.js - a web client of lib-jitsi-meet, steered by browser.js
//
// `tell` (given by browser.js) prints an event, `heardChunk` takes samples of one person, by
// endpoint id: who says what is measured apart from who says it.  `api` holds what a test can ask for.
'use strict';
const lib = window.JitsiMeetJS;
const call = { connection: null, conference: null, own: [], frames: 0 };
window.api = {};
window.pcs = [];

// The library hides its peer connections; the tests want their statistics.
const NativePc = window.RTCPeerConnection;
window.RTCPeerConnection = new Proxy(NativePc, {
	construct(target, args) {
		const pc = new target(...args);
		window.pcs.push(pc);
		return pc;
	}
});

// ---- hearing ----

const workletSource = `registerProcessor('tap', class extends AudioWorkletProcessor {
	constructor() { super(); this.v = new Float32Array(4800); this.n = 0; }
	process([input]) {
		const channel = input[0], quantum = channel ? channel.length : 128;
		for (let i = 0; i < quantum; i++) {
			this.v[this.n++] = channel ? channel[i] : 0;
			if (this.n === this.v.length) { this.port.postMessage(this.v); this.n = 0; }
		}
		return true;
	}
});`;
let context;

async function startContext() {
	const c = new AudioContext({ sampleRate: 48000 });
	await c.audioWorklet.addModule(URL.createObjectURL(new Blob([workletSource], { type: 'text/javascript' })));
	await c.resume();
	return c;
}

function base64(floats) {
	const bytes = new Uint8Array(floats.length * 2), view = new DataView(bytes.buffer);
	floats.forEach((f, i) => view.setInt16(2 * i, Math.max(-32768, Math.min(32767, Math.round(f * 32767))), true));
	return btoa(String.fromCharCode(...bytes));
}

async function tap(track, who) {
	context ||= startContext();
	const c = await context, source = c.createMediaStreamSource(track.getOriginalStream());
	const node = new AudioWorkletNode(c, 'tap', { channelCount: 1, channelCountMode: 'explicit' });
	const silent = c.createGain();
	silent.gain.value = 0;
	node.port.onmessage = m => window.heardChunk(who, base64(m.data));
	source.connect(node); node.connect(silent); silent.connect(c.destination);
	track.tapped = () => { source.disconnect(); node.disconnect(); };
}

function trackAdded(t) {
	const el = document.createElement(t.getType());
	if (t.isLocal()) return;
	window.tell({ event: 'track', id: t.getParticipantId(), kind: t.getType(), ssrc: t.getSSRC && t.getSSRC(), muted: t.isMuted() });
	el.autoplay = true;
	el.muted = true;                 // a remote track gives no sound unless an element plays it
	document.body.appendChild(el);
	t.attach(el);
	t.element = el;
	if (t.getType() === 'audio') tap(t, t.getParticipantId()).catch(e => window.tell({ event: 'error', text: 'tap: ' + e }));
}

function trackRemoved(t) {
	if (t.isLocal()) return;
	window.tell({ event: 'track-gone', id: t.getParticipantId(), kind: t.getType() });
	if (t.element) { t.detach(t.element); t.element.remove(); }
	if (t.tapped) t.tapped();
}

// ---- the conference ----

function hook(conf) {
	const ev = lib.events.conference, on = (name, f) => conf.on(ev[name], f);
	on('CONFERENCE_JOINED', () => window.tell({ event: 'joined', id: conf.myUserId(), role: conf.getRole() }));
	on('CONFERENCE_LEFT', () => window.tell({ event: 'left' }));
	on('CONFERENCE_FAILED', (...a) => window.tell({ event: 'failed', text: a.map(String).join(' ') }));
	on('CONFERENCE_ERROR', (...a) => window.tell({ event: 'error', text: a.map(String).join(' ') }));
	on('KICKED', (who, reason) => window.tell({ event: 'kicked', by: who && who.getId && who.getId(), reason }));
	on('USER_JOINED', (id, p) => window.tell({ event: 'person-joined', id, name: p.getDisplayName() }));
	on('USER_LEFT', id => window.tell({ event: 'person-left', id }));
	on('DISPLAY_NAME_CHANGED', (id, name) => window.tell({ event: 'name', id, name }));
	on('USER_ROLE_CHANGED', (id, role) => window.tell({ event: 'role', id, role }));
	on('PARTICIPANT_PROPERTY_CHANGED', (p, key, was, now) => window.tell({ event: 'property', id: p.getId(), key, now }));
	on('MESSAGE_RECEIVED', (id, text) => window.tell({ event: 'message', id, text }));
	on('PRIVATE_MESSAGE_RECEIVED', (id, text) => window.tell({ event: 'private', id, text }));
	on('SUBJECT_CHANGED', text => window.tell({ event: 'subject', text }));
	on('DOMINANT_SPEAKER_CHANGED', id => window.tell({ event: 'speaker', id }));
	on('TRACK_MUTE_CHANGED', (t, by) => window.tell({ event: 'mute', own: t.isLocal(), kind: t.getType(), muted: t.isMuted(),
		id: t.isLocal() ? conf.myUserId() : t.getParticipantId(), by: by && by.getId ? by.getId() : undefined }));
	on('DATA_CHANNEL_OPENED', () => window.tell({ event: 'channel' }));
	on('CONNECTION_INTERRUPTED', () => window.tell({ event: 'interrupted' }));
	on('CONNECTION_RESTORED', () => window.tell({ event: 'restored' }));
	on('TRACK_ADDED', trackAdded);
	on('TRACK_REMOVED', trackRemoved);
}

async function makeTrack(kind) {
	const [t] = await lib.createLocalTracks({ devices: [kind], resolution: 180, disableAP: true,
		constraints: { video: { height: { ideal: 180, max: 180 }, width: { ideal: 320 }, frameRate: { max: 15 } } } });
	call.own.push(t);
	return t;
}

async function startConference(o) {
	const conf = call.conference = call.connection.initJitsiConference(o.room, { p2p: { enabled: false }, openBridgeChannel: 'websocket',
		disableSimulcast: true, ...o.conference });
	hook(conf);
	conf.setDisplayName(o.name);
	for (const t of call.own) await conf.addTrack(t);
	conf.join(o.password);
	if (o.video) conf.setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 360 } });
}

api.start = async o => {
	const cfg = { hosts: window.config.hosts, serviceUrl: `${o.service || window.config.websocket}?room=${o.room}`,
		bridgeChannel: window.config.bridgeChannel, enableWebsocketResume: false, p2pStunServers: [], ...o.options };
	const ev = lib.events.connection;
	lib.setLogLevel(lib.logLevels[o.log || 'ERROR']);
	lib.init({ disableAudioLevels: false, disableThirdPartyRequests: true, disableAP: true, enableAnalyticsLogging: false });
	for (const kind of [o.audio !== false && 'audio', o.video && 'video'].filter(Boolean)) await makeTrack(kind);
	call.connection = new lib.JitsiConnection(null, null, cfg);
	call.connection.addEventListener(ev.CONNECTION_ESTABLISHED, () => { if (!call.conference) startConference(o); });
	call.connection.addEventListener(ev.CONNECTION_FAILED, (...a) => window.tell({ event: 'failed', text: a.join(' ') }));
	call.connection.addEventListener(ev.CONNECTION_DISCONNECTED, () => window.tell({ event: 'disconnected' }));
	call.connection.connect();
	return lib.version || 'unknown';
};

const own = kind => call.own.find(t => t.getType() === kind);
api.say = text => { call.conference.sendTextMessage(text); };
api.tellOne = (id, text) => { call.conference.sendPrivateTextMessage(id, text); };
api.name = name => { call.conference.setDisplayName(name); };
api.hand = up => up ? call.conference.setLocalParticipantProperty('raisedHand', String(Date.now())) : call.conference.removeLocalParticipantProperty('raisedHand');
api.mute = kind => own(kind || 'audio').mute();
api.unmute = kind => own(kind || 'audio').unmute();
api.muteOther = id => { call.conference.muteParticipant(id, 'audio'); };
api.grant = id => { call.conference.grantOwner(id); };
api.kick = (id, reason) => { call.conference.kickParticipant(id, reason); };
api.addTrack = async kind => { await call.conference.addTrack(await makeTrack(kind)); };
api.removeTrack = async kind => { const t = own(kind); call.own = call.own.filter(x => x !== t); await call.conference.removeTrack(t); await t.dispose(); };
api.role = () => call.conference.getRole();
api.people = () => call.conference.getParticipants().map(p => ({ id: p.getId(), name: p.getDisplayName(), role: p.getRole(),
	hand: p.getProperty('raisedHand'), tracks: p.getTracks().map(t => ({ kind: t.getType(), muted: t.isMuted() })) }));
api.leave = async () => { await call.conference.leave(); await call.connection.disconnect(); };

// Of the newest peer connection: one object a stream, the transport, the chosen pair.
api.stats = async () => {
	const pc = window.pcs.filter(p => p.connectionState !== 'closed').pop();
	if (!pc) return null;
	const all = [...(await pc.getStats()).values()], of = type => all.filter(s => s.type === type);
	const pair = of('candidate-pair').find(p => p.nominated) || {};
	return { in: of('inbound-rtp'), out: of('outbound-rtp'), far: of('remote-inbound-rtp'), transport: of('transport')[0] || {}, pair, state: pc.iceConnectionState };
};

// browser.js - headless Chromium as a client of a room
//
//   node browser.js OPTIONS      OPTIONS is one JSON object; see peer/lib.py, class Browser
//
// One JSON object a line comes in on stdin, {"id", "do", "args"}: functions of `api` in page.js and the few below; out go
// answers, {"id", "result"} or {"id", "error"}, and events, {"event"}.  The page comes from a server here on 127.0.0.1: browsers
// give their microphone to pages of this machine.  End of stdin ends the browser without a goodbye.
'use strict';
const fs = require('fs'), http = require('http'), path = require('path'), readline = require('readline');
const modules = process.env.PEER_MODULES;
const { chromium } = require(path.join(modules, 'playwright-core'));

const o = JSON.parse(process.argv[2]);
const print = x => process.stdout.write(JSON.stringify(x) + '\n');
const files = { '/page.js': path.join(__dirname, 'page.js'), '/lib.js': o.lib, '/jquery.js': path.join(modules, 'jquery/dist/jquery.min.js') };

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
	'--disable-sync', '--disable-dev-shm-usage', '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
	'--allow-loopback-in-peer-connection', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
	'--autoplay-policy=no-user-gesture-required', '--ignore-certificate-errors',
	'--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,LocalNetworkAccessChecksWebRTC',
	`--host-resolver-rules=${(o.names || []).map(n => `MAP ${n} 127.0.0.1 , `).join('')}MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1`];
if (o.wav) flags.push('--use-file-for-fake-audio-capture=' + o.wav);

async function configOf(base) {
	if (o.config) return 'var config = ' + JSON.stringify(o.config) + ';';
	const r = await fetch(new URL('/config.js', base));
	if (!r.ok) throw new Error('config.js: ' + r.status);
	return r.text();
}

function serve(config) {
	const html = '<!DOCTYPE html><meta charset="utf-8"><script src="jquery.js"></script><script>window.jquery = window.jQuery;</script>' +
		'<script src="config.js"></script><script src="lib.js"></script><body><script src="page.js"></script>';
	const server = http.createServer((q, r) => {
		const type = t => r.writeHead(200, { 'Content-Type': t });
		const at = q.url.split('?')[0];
		if (at === '/') { type('text/html'); r.end(html); }
		else if (at === '/config.js') { type('text/javascript'); r.end(config); }
		else if (files[at]) { type('text/javascript'); fs.createReadStream(files[at]).pipe(r); }
		else { r.writeHead(404); r.end(); }
	});
	return new Promise(done => server.listen(0, '127.0.0.1', () => done(server.address().port)));
}

async function main() {
	const port = await serve(await configOf(o.url));
	const context = await chromium.launchPersistentContext(o.profile, { executablePath: o.chromium, headless: true, args: flags,
		permissions: ['microphone', 'camera'], handleSIGINT: false });
	const page = context.pages()[0] || await context.newPage();
	const open = async changes => {
		Object.assign(o, changes);
		await page.goto(`http://127.0.0.1:${port}/`, { waitUntil: 'load' });
		return page.evaluate(x => window.api.start(x), { room: o.room, name: o.name, audio: o.audio, video: o.video, service: o.service,
			options: o.options, conference: o.conference, log: o.log });
	};
	// What the driver does itself, beside the page's api.
	const own = {
		reload: open,
		offline: on => context.setOffline(on),
		quit: async () => { await context.close(); process.exit(0); },
	};

	page.on('console', m => { if (o.log || m.type() === 'error') print({ event: 'console', text: m.text().slice(0, 800) }); });
	page.on('pageerror', e => print({ event: 'page-error', text: String(e).slice(0, 400) }));
	await page.exposeFunction('tell', print);
	await page.exposeFunction('heardChunk', (who, b) => fs.appendFileSync(path.join(o.heard, `${who}.raw`), Buffer.from(b, 'base64')));
	print({ event: 'open', version: await open() });
	readline.createInterface({ input: process.stdin }).on('line', async line => {
		const c = JSON.parse(line);
		try {
			const result = own[c.do] ? await own[c.do](...c.args)
				: await page.evaluate(x => { if (!window.api[x.do]) throw new Error('no such function'); return window.api[x.do](...x.args); }, c);
			print({ id: c.id, result: result === undefined ? null : result });
		} catch (e) {
			print({ id: c.id, error: String(e && e.message || e).slice(0, 500) });
		}
	}).on('close', () => process.exit(0));
	process.on('SIGTERM', () => process.exit(0));
}
main().catch(e => { print({ event: 'error', text: String(e && e.stack || e) }); process.exit(1); });

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fritzbox } from '../../../src/devices/handlers/fritzbox.ts';
import {
  checkExport,
  comparableExport,
  exportChecksum,
  readExport,
} from '../../../src/devices/handlers/fritzbox-export.ts';
import { totp, totpKey } from '../../../src/devices/handlers/fritzbox-totp.ts';
import { challengeResponse } from '../../../src/devices/handlers/fritzbox-web.ts';
import { makeCertificate } from '../../harness/certificate.ts';
import { ForwardClock } from '../../harness/forward-clock.ts';
import { freePort } from '../../harness/free-port.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { FritzBox } from '../../simulators/devices/fritzbox.ts';
import { encrypted, exportOf, settingsOf } from '../../simulators/devices/fritzbox-export.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const EXPORT = 'fritzbox.export';
const EXPORT_PASSWORD = 'Sicherung <&> 1';

let certificate: ReturnType<typeof makeCertificate>;
let box: FritzBox;
let factory: typeof box.state;

beforeAll(async () => {
  certificate = makeCertificate(temporaryFolder('certificate'));
  box = new FritzBox(certificate);
  factory = { ...box.state };
  await box.start();
});

afterAll(() => box.stop());

beforeEach(() => {
  Object.assign(box.state, factory);
  box.state.exportPasswords.length = 0;
  box.failures = 0;
  Object.assign(box.pages, { failures: 0, blockTime: 0, wrongCodes: 0 });
  box.tr064.asked.length = 0;
  box.web.asked.length = 0;
});

const settings = (change: Record<string, unknown> = {}) => ({
  address: box.tr064.address,
  user: box.state.user,
  password: box.state.password,
  export_password: EXPORT_PASSWORD,
  web_port: box.web.port,
  ...change,
});
const run = (change: Record<string, unknown> = {}, options: { clock?: LeapingClock } = {}) =>
  new HandlerRun(fritzbox, settings(change), options);

// A code of an app counts for so long (RFC 6238).
const CODE_MS = 30_000;

/** Whoever sleeps wakes at once, that much later. */
class LeapingClock extends ForwardClock {
  /** Milliseconds. */
  slept = 0;
  override sleep = async (ms: number) => {
    this.slept += ms;
    this.forward(ms);
  };
}

const exported = (ssid = 'Zuhause', now = new Date()) => exportOf(settingsOf(ssid, now));

describe('by TR-064', () => {
  test('says what it is, and has the right to export', async () => {
    await expect(run().test()).resolves.toEqual({
      id: '989bcb2b93b0',
      name: 'FritzBox-Büro',
      model: 'FRITZ!Box 7590',
      firmware: '154.08.02',
    });
    expect(box.state.exportPasswords).toEqual([EXPORT_PASSWORD]);
    expect(box.web.asked).toEqual([]);
  });

  test('is known again before each backup without writing an export', async () => {
    await expect(run().identify()).resolves.toMatchObject({ id: '989bcb2b93b0', firmware: '154.08.02' });
    expect(box.state.exportPasswords).toEqual([]);
  });

  test('gives its export, encrypted with the password that was entered', async () => {
    const device = run();
    const saved = await device.fetch();
    expect(saved.files.map(({ name }) => name)).toEqual([EXPORT]);
    await expect(device.validate(saved)).resolves.toBeUndefined();
    expect(box.state.exportPasswords).toEqual([EXPORT_PASSWORD]);
    expect(new Set(device.met).size).toBe(1);
  });

  test('has its certificate met, and nothing is sent to another one', async () => {
    const device = new HandlerRun(fritzbox, settings(), { trusted: 'AA:BB' });
    await expect(device.test()).rejects.toMatchObject({ code: 'device_pin' });
    expect(box.tr064.asked).toEqual([]);
    expect(box.web.asked).toEqual([]);
  });

  test('is signed in to once with a wrong password, and its pages are left alone', async () => {
    await expect(run({ password: 'wrong' }).test()).rejects.toMatchObject({ code: 'device_password' });
    expect(box.failures).toBe(1);
    expect(box.web.asked).toEqual([]);
  });

  test('is locked after too many wrong passwords', async () => {
    box.failures = 5;
    await expect(run().test()).rejects.toMatchObject({ code: 'device_locked' });
  });

  test('forbids it to a user without the right to its settings', async () => {
    box.state.rights = ['App', 'Phone'];
    await expect(run().test()).rejects.toMatchObject({ code: 'device_forbidden' });
    await expect(run().fetch()).rejects.toMatchObject({ code: 'device_forbidden' });
  });

  test('wants a button to be pressed', async () => {
    box.state.secondFactor = 'button';
    await expect(run().test()).rejects.toMatchObject({ code: 'device_second_factor' });
    await expect(run().fetch()).rejects.toMatchObject({ code: 'device_second_factor' });
    expect(box.web.asked).toEqual([]);
  });

  test('names an export on another host: it is asked for its own, and nobody else gets the password', async () => {
    const stranger = new DeviceServer((_, response) => response.end('stranger'));
    await stranger.start();
    box.state.exportUrl = `https://localhost:${box.tr064.port}`;
    await expect(run().fetch()).resolves.toBeDefined();
    box.state.exportUrl = `http://127.0.0.1:${stranger.port}`;
    await expect(run().fetch()).rejects.toMatchObject({
      code: 'device_unexpected',
      params: { reason: 'no address of the export' },
    });
    box.state.exportUrl = 'ftp://127.0.0.1';
    await expect(run().fetch()).rejects.toMatchObject({ code: 'device_unexpected' });
    expect(stranger.asked).toEqual([]);
    await stranger.stop();
  });

  test('says why it could not', async () => {
    const other = new DeviceServer((request, response) => {
      if (request.url === '/upnp/control/deviceinfo') {
        response.writeHead(500, { 'content-type': 'text/xml' });
        response.end(
          '<s:Envelope xmlns:s="x"><s:Body><s:Fault><detail><UPnPError><errorCode>820</errorCode><errorDescription>Internal\n\u0007Error</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>',
        );
      } else response.writeHead(404).end();
    }, certificate);
    await other.start();
    const device = run({ address: other.address });
    await expect(device.test()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: expect.stringMatching(/^820 Internal/) },
    });
    await other.stop();
  });

  test.each([
    ['no XML', '<html><body>hello'],
    ['another action', '<s:Envelope xmlns:s="x"><s:Body><u:Other/></s:Body></s:Envelope>'],
    ['entities', '<!DOCTYPE x [<!ENTITY a "aaaa">]><s:Envelope xmlns:s="x">&a;</s:Envelope>'],
  ])('is not understood: %s', async (_, content) => {
    const other = new DeviceServer((__, response) => response.end(content), certificate);
    await other.start();
    await expect(run({ address: other.address }).test()).rejects.toMatchObject({ code: 'device_unexpected' });
    await other.stop();
  });

  test('is asked in plain text where its address says so', async () => {
    const plain = new FritzBox();
    await plain.start();
    const device = run({ address: `http://127.0.0.1:${plain.tr064.port}`, web_port: plain.web.port });
    await expect(device.test()).resolves.toMatchObject({ model: 'FRITZ!Box 7590' });
    await expect(device.validate(await device.fetch())).resolves.toBeUndefined();
    expect(device.met).toEqual([]);
    await plain.stop();
  });
});

describe('by its pages', () => {
  test.each([
    ['TR-064 is off', { tr064: false }],
    ['TR-064 has no export', { oldTr064: true }],
    ['its firmware is old', { tr064: false, oldLogin: true, oldPages: true }],
  ])('gives its export where %s', async (_, change) => {
    Object.assign(box.state, change, { password: 'Zurück!' });
    const device = run();
    await expect(device.test()).resolves.toMatchObject({
      id: '989bcb2b93b0',
      model: 'FRITZ!Box 7590',
      firmware: '154.08.02',
    });
    await expect(device.validate(await device.fetch())).resolves.toBeUndefined();
    expect(box.state.exportPasswords).toEqual([EXPORT_PASSWORD]);
    expect(box.pages.open).toBe(0);
  });

  test('gives it where nothing listens for TR-064', async () => {
    const device = run({ address: `https://127.0.0.1:${await freePort()}` });
    await expect(device.test()).resolves.toMatchObject({ model: 'FRITZ!Box 7590' });
    await expect(device.validate(await device.fetch())).resolves.toBeUndefined();
  });

  test('is signed in to once with a wrong password', async () => {
    box.state.tr064 = false;
    await expect(run({ password: 'wrong' }).test()).rejects.toMatchObject({ code: 'device_password' });
    expect(box.pages.failures).toBe(1);
    // now it is locked for a while, and is not even tried
    await expect(run().test()).rejects.toMatchObject({ code: 'device_locked' });
    expect(box.pages.failures).toBe(1);
  });

  test('forbids it to a user without the right to its settings', async () => {
    Object.assign(box.state, { tr064: false, rights: ['Phone'] });
    await expect(run().test()).rejects.toMatchObject({ code: 'device_forbidden' });
    expect(box.pages.open).toBe(0);
  });

  test('wants a button to be pressed', async () => {
    Object.assign(box.state, { tr064: false, secondFactor: 'button' });
    await expect(run().test()).rejects.toMatchObject({ code: 'device_second_factor' });
    await expect(run().fetch()).rejects.toMatchObject({ code: 'device_second_factor' });
    // the page of old firmware does not say so before
    box.state.oldPages = true;
    await expect(run().fetch()).rejects.toMatchObject({ code: 'device_second_factor' });
    expect(box.pages.open).toBe(0);
  });

  test.each(['JBSW Y3DP EHPK 3PXP', 'otpauth://totp/box?secret=JBSWY3DPEHPK3PXP&issuer=FRITZ'])(
    'is confirmed by an app (%s)',
    async (totp_secret) => {
      const clock = new LeapingClock();
      // a code has just begun: both backups fall into its time
      clock.forward(CODE_MS - (clock.now() % CODE_MS));
      Object.assign(box.state, { secondFactor: 'app', now: clock.now });
      const device = run({ totp_secret }, { clock });
      await expect(device.test()).resolves.toMatchObject({
        id: '989bcb2b93b0',
        model: 'FRITZ!Box 7590',
        firmware: '154.08.02',
      });
      await expect(device.validate(await device.fetch())).resolves.toBeUndefined();
      // no code counts twice: the next one is waited for
      await expect(device.validate(await device.fetch())).resolves.toBeUndefined();
      expect(clock.slept).toBeGreaterThan(0);
      expect(box.pages.wrongCodes).toBe(0);
      expect(box.pages.open).toBe(0);
    },
  );

  test('takes no code of another app, which is tried once', async () => {
    box.state.secondFactor = 'app';
    const clock = new LeapingClock();
    const device = run({ totp_secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' }, { clock });
    await expect(device.test()).resolves.toBeDefined();
    await expect(device.fetch()).rejects.toMatchObject({ code: 'device_code' });
    expect(box.pages.wrongCodes).toBe(1);
    box.pages.wrongCodes = 3;
    await expect(device.fetch()).rejects.toMatchObject({ code: 'device_locked' });
    expect(box.pages.open).toBe(0);
  });

  test.each([
    ['is no key', 'app', 'not base32 at all!', 'device_code'],
    ['belongs to nothing', 'button', 'JBSWY3DPEHPK3PXP', 'device_second_factor'],
  ] as const)('knows no app whose key %s', async (_, secondFactor, totp_secret, code) => {
    box.state.secondFactor = secondFactor;
    await expect(run({ totp_secret }).test()).rejects.toMatchObject({ code });
    await expect(run({ totp_secret }).fetch()).rejects.toMatchObject({ code });
    expect(box.pages.open).toBe(0);
  });

  test.each([
    ['has no such page', 404, 'Not found'],
    ['shows a page', 200, '<!DOCTYPE html><html></html>'],
    ['leads on', 302, ''],
  ])('are those of another device, which %s', async (_, status, content) => {
    const other = new DeviceServer((__, response) => {
      response.writeHead(status, { location: '/login' });
      response.end(content);
    }, certificate);
    await other.start();
    const address = `https://127.0.0.1:${await freePort()}`;
    await expect(run({ address, web_port: other.port }).test()).rejects.toMatchObject({
      code: 'device_other_kind',
    });
    await other.stop();
  });

  test('may ask for no work without end', async () => {
    const challenge = '2$999999999999$00$1$00';
    const xml = `<SessionInfo><SID>0000000000000000</SID><Challenge>${challenge}</Challenge><BlockTime>0</BlockTime><Rights/></SessionInfo>`;
    const other = new DeviceServer((_, response) => response.end(xml), certificate);
    await other.start();
    const address = `https://127.0.0.1:${await freePort()}`;
    await expect(run({ address, web_port: other.port }).test()).rejects.toMatchObject({
      code: 'device_unexpected',
    });
    await other.stop();
  });

  test('hear what the technical note of AVM says', async () => {
    // both examples of the note
    await expect(challengeResponse('2$10000$5A1711$2000$5A1722', '1example!')).resolves.toBe(
      '5A1722$1798a1672bca7c6463d6b245f82b53703b0f50813401b03e4045a5861e689adb',
    );
    await expect(challengeResponse('1234567z', 'äbc')).resolves.toBe(
      '1234567z-9e224a41eeefa284df7bb0f26c2913e2',
    );
    const hash = createHash('md5').update(Buffer.from('1234567z-a.b.', 'utf16le')).digest('hex');
    await expect(challengeResponse('1234567z', 'a€b😀')).resolves.toBe(`1234567z-${hash}`);
    await expect(challengeResponse('', 'x')).resolves.toBeUndefined();
  });
});

describe('its export', () => {
  const text = () => exported().toString('latin1');
  const validate = (content: Buffer | string) =>
    run().validate(
      savedOf({ [EXPORT]: Buffer.isBuffer(content) ? content : Buffer.from(content, 'latin1') }),
    );

  test('is good', async () => {
    await expect(validate(exported())).resolves.toBeUndefined();
    await expect(validate(text().replaceAll('\n', '\r\n'))).resolves.toBeUndefined();
    await expect(validate(text().trimEnd())).resolves.toBeUndefined();
  });

  test('has the checksum that other tools compute', () => {
    const vector = [
      '**** FRITZ!Box 7490 CONFIGURATION EXPORT',
      'Password=$$$$ABCDEFGHIJKLMNOP123456',
      'FirmwareVersion=113.07.12',
      'CONFIG_INSTALL_TYPE=mips34_512MB_test',
      'OEM=avme',
      '**** CFGFILE:ar7.cfg',
      '/*',
      ' * /var/tmp.cfg',
      ' * Thu Jan  1 01:06:16 1970',
      ' */',
      'ar7cfg {',
      String.raw`        chat = "AT,\\"IP\\",\\"$\\"", "\\\\host\\share";`,
      '}',
      '',
      '// EOF',
      '',
      '**** END OF FILE ****',
      '**** BINFILE:fx_conf',
      '000102030405060708090A0B0C0D0E0F',
      'FF00',
      '**** END OF FILE ****',
      '**** BINFILE:empty',
      '',
      '**** END OF FILE ****',
      '**** CRYPTEDB64FILE:phonebook',
      'PHBob25lYm9va3M+PHBob25lYm9vayBuYW1lPSJUZWxlZm9uYnVjaCIvPjwvcGhvbmVi',
      'b29rcz4K',
      '**** END OF FILE ****',
      '**** END OF EXPORT 00000000 ****',
      '',
    ].join('\n');
    // computed by fritzchecksum 0.0.4, which gives the right sums of two real exports as well
    expect(exportChecksum(readExport('vector', Buffer.from(vector)))).toBe('D14A13FE');
  });

  test.each([
    ['is cut in its last line', (whole: string) => whole.slice(0, -20), 'artefact_cut'],
    ['is cut in the middle', (whole: string) => whole.slice(0, whole.length / 2), 'artefact_cut'],
    ['is damaged', (whole: string) => whole.replace('Zuhause', 'ZuHause'), 'artefact_wrong'],
    ['has lost a line', (whole: string) => whole.replace(/\n {8}ssid[^\n]*/, ''), 'artefact_wrong'],
    ['has something behind its end', (whole: string) => `${whole}more\n`, 'artefact_wrong'],
    [
      'has no settings',
      (whole: string) => whole.replace(/\*{4} CFG[\s\S]*(?=\*{4} END OF EXPORT)/, ''),
      'artefact_wrong',
    ],
    ['is empty', () => '', 'artefact_wrong'],
    ['is a page', () => '<!DOCTYPE html><html></html>', 'artefact_wrong'],
    ['is another file', () => '{"name":"box"}', 'artefact_wrong'],
  ] as const)('is not good when it %s', async (_, spoil, code) => {
    await expect(validate(spoil(text()))).rejects.toMatchObject({ code, params: { file: EXPORT } });
  });

  test('is not refused for what a later firmware adds', async () => {
    const more = text().replace(
      '**** CFGFILE:wlan.cfg',
      '**** NEWFILE:x\n?\n**** END OF FILE ****\n**** CFGFILE:wlan.cfg',
    );
    await expect(validate(more)).resolves.toBeUndefined();
    expect(() => checkExport(EXPORT, Buffer.from(more.slice(0, -20)))).toThrow('artefact_cut');
  });

  test('is compared without what is another thing each time, and without secrets', () => {
    const before = comparableExport(exported('Zuhause', new Date('2026-01-01T10:00:00Z'))) ?? '';
    const after = comparableExport(exported('Zuhause', new Date('2026-02-02T11:11:11Z'))) ?? '';
    expect(after).toBe(before);
    expect(before).toContain('ssid = "Zuhause"');
    expect(before).toContain('[phonebook]\n57 bytes, CRC-32 ');
    for (const secret of ['$$$$', '12345670', 'Base64:', 'Password=', '2026', 'calllog', 'END OF EXPORT']) {
      expect(before).not.toContain(secret);
    }
    const changed = comparableExport(exported('Garten')) ?? '';
    const lines = new Set(before.split('\n'));
    expect(changed.split('\n').filter((line) => !lines.has(line))).toEqual(['        ssid = "Garten";']);
  });

  test('is compared with its umlauts, however they are written', () => {
    expect(comparableExport(exported(Buffer.from('Küche').toString('latin1')))).toContain('ssid = "Küche"');
    expect(comparableExport(exported('K\u00fcche'))).toContain('ssid = "Küche"');
    expect(comparableExport(Buffer.from('{}'))).toBeUndefined();
  });

  test('keeps nothing of a key over several lines, nor of one that is encrypted', () => {
    const key =
      'own_key =\n                  "Base64:AAAA\nBBBB\nCCCC";\n        wg_public_key = "PUBLIC";\n        psk = "";';
    const written = exportOf([
      {
        form: 'CFG',
        name: 'vpn.cfg',
        content: `vpncfg {\n        ${key}\n        key = "${encrypted()}";\n}\n`,
      },
    ]);
    const shown = comparableExport(written) ?? '';
    expect(shown).not.toMatch(/AAAA|BBBB|CCCC|\$\$\$\$/);
    expect(shown).toContain(
      'own_key = ••••••;\n        wg_public_key = "PUBLIC";\n        psk = "";\n        key = ••••••;',
    );
  });
});

describe('the code of an app', () => {
  // RFC 6238, appendix B (SHA-1, eight digits)
  test.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('of second %i', (second, code) => {
    const key = Buffer.from('12345678901234567890');
    expect(totp(key, second * 1000, 8)).toBe(code);
    expect(totp(key, second * 1000)).toBe(code.slice(2));
  });

  test('comes of a key as people copy it', () => {
    const key = Buffer.from('12345678901234567890');
    expect(totpKey('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')).toEqual(key);
    expect(totpKey(' gezd gnbv-gy3t qojq gezd gnbv gy3t qojq ')).toEqual(key);
    expect(totpKey('otpauth://totp/FRITZ!Box?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=6')).toEqual(key);
    // RFC 4648, section 10
    expect(totpKey('MZXW6YTBOI======')).toEqual(Buffer.from('foobar'));
    expect(totpKey('MZXW6===')).toEqual(Buffer.from('foo'));
    expect(totpKey('')).toBeUndefined();
    expect(totpKey('otpauth://totp/none')).toBeUndefined();
    expect(totpKey('GEZD1')).toBeUndefined();
  });
});

describe('found in the network', () => {
  test('is recognised by its description, without a user', async () => {
    await expect(run().recognise(box.tr064.address)).resolves.toEqual({
      id: '989bcb2b93b0',
      name: 'FritzBox-Büro',
      model: 'FRITZ!Box 7590',
      firmware: '154.08.02',
    });
    expect(box.failures).toBe(0);
  });

  test('is recognised at its pages', async () => {
    await expect(run().recognise(box.web.address)).resolves.toMatchObject({ model: 'FRITZ!Box 7590' });
  });

  test.each([
    [
      'the router of somebody else',
      '<root><device><manufacturer>Other</manufacturer><modelName>X</modelName></device></root>',
    ],
    ['another description', '<root/>'],
  ])('is not %s', async (_, content) => {
    const other = new DeviceServer((__, response) => response.end(content));
    await other.start();
    await expect(run().recognise(other.address)).resolves.toBeUndefined();
    await other.stop();
  });
});

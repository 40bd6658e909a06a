import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { ssh } from '../../../src/devices/handlers/ssh.ts';
import { SSH_TEMPLATES } from '../../../src/devices/handlers/ssh-templates.ts';
import { haveSshd, makeSshKey, type Sshd, startSshd } from '../../harness/sshd.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const key = haveSshd() ? makeSshKey(temporaryFolder('key')) : undefined;
let server: Sshd | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** A device of which the programs or the whole console are given. */
async function device(
  box: { programs?: Record<string, string>; forced?: string },
  settings: Record<string, unknown>,
): Promise<HandlerRun> {
  server = await startSshd({ keys: [key?.publicKey ?? ''], ...box });
  return new HandlerRun(ssh, {
    address: server.address,
    user: server.user,
    private_key: key?.privateKey,
    ...settings,
  });
}

/** Without a server, for what is judged offline. */
const offline = (template: string) =>
  new HandlerRun(ssh, { address: '127.0.0.1', user: 'x', template, command: 'x' });

/** As RouterOS 7 writes it: lines end with CR LF, long ones are broken. */
const EXPORT = [
  '# 2026-11-27 09:00:01 by RouterOS 7.20.4',
  '# software id = ABCD-EF01',
  '#',
  '# model = RB5009UPr+S+',
  '# serial number = HG00001ABCD',
  '/interface bridge',
  'add name=bridge comment="LAN \\"1\\""',
  '/interface wireguard',
  'add listen-port=13231 mtu=1420 name=wg private-key="cHJpdmF0ZQ=="',
  '/interface wireguard peers',
  'add allowed-address=10.0.0.2/32 interface=wg preshared-key=c2hhcmVk public-key=cHVibGlj',
  '/interface wifi security',
  'add authentication-types=wpa2-psk name=home passphrase="a long \\',
  '    pass phrase"',
  '/ppp secret',
  'add name=road password=roadpass service=l2tp',
  '/ip ipsec identity',
  'add peer=office secret=ipsecsecret',
  '/ip pool',
  'add name=dhcp ranges=192.168.88.10-192.168.88.254',
  '',
].join('\r\n');
const SECRETS = ['cHJpdmF0ZQ==', 'c2hhcmVk', 'a long', 'pass phrase', 'roadpass', 'ipsecsecret'];

/** The console of RouterOS, as far as it is asked: it knows no shell. */
const routerConsole = (file: string, { old = false, board = true } = {}) => `
case "$SSH_ORIGINAL_COMMAND" in
  "/system resource print") printf '                   uptime: 1w2d\\r\\n                  version: 7.20.4 (stable)\\r\\n        architecture-name: arm64\\r\\n               board-name: RB5009UPr+S+\\r\\n' ;;
  "/system routerboard print") ${
    board
      ? `printf '       routerboard: yes\\r\\n             model: RB5009UPr+S+IN\\r\\n     serial-number: HG00001ABCD\\r\\n'`
      : `printf 'bad command name routerboard (line 1 column 9)\\r\\n'`
  } ;;
  "/system identity print") printf '  name: gate way\\r\\n' ;;
  "/export show-sensitive") ${old ? `printf 'expected end of command (line 1 column 9)\\r\\n'` : `cat '${file}'`} ;;
  "/export") cat '${file}' ;;
  *) printf 'bad command name (line 1 column 1)\\r\\n' ;;
esac`;

function fileWith(content: string | Buffer): string {
  const path = join(temporaryFolder('content'), 'file');
  writeFileSync(path, content);
  return path;
}

const codeAndReason = (error: { code: string; params: Record<string, string> }) =>
  [error.code, error.params.reason].filter(Boolean).join(': ');
const verdict = (template: string, content: Buffer | string): Promise<string> => {
  const file = SSH_TEMPLATES[template as keyof typeof SSH_TEMPLATES]?.file ?? 'output.txt';
  return offline(template)
    .validate(savedOf({ [file]: content }))
    .then(() => 'good', codeAndReason);
};
const comparable = async (content: Buffer | string) => ssh.normalise('x', Buffer.from(content));

describe('RouterOS', () => {
  test.skipIf(!haveSshd())('says what it is and gives its export with its secrets', async () => {
    const router = await device({ forced: routerConsole(fileWith(EXPORT)) }, { template: 'mikrotik' });
    await expect(router.test()).resolves.toEqual({
      id: 'hg00001abcd',
      name: 'gate way',
      model: 'RB5009UPr+S+IN',
      firmware: '7.20.4 (stable)',
      chip: 'arm64',
    });
    const saved = await router.fetch();
    await expect(router.validate(saved)).resolves.toBeUndefined();
    expect(await saved.get('export.rsc').text()).toBe(EXPORT);
    expect(new Set(router.met)).toEqual(new Set([server?.fingerprint]));
  });

  test.skipIf(!haveSshd())('version 6 does not know the word, and gives them all the same', async () => {
    const router = await device(
      { forced: routerConsole(fileWith(EXPORT), { old: true, board: false }) },
      { template: 'mikrotik', file_name: 'own.rsc' },
    );
    await expect(router.test()).resolves.toMatchObject({ id: undefined, model: 'RB5009UPr+S+' });
    expect(await (await router.fetch()).get('own.rsc').text()).toBe(EXPORT);
  });

  test.skipIf(!haveSshd())('another box is none', async () => {
    const router = await device({}, { template: 'mikrotik' });
    await expect(router.test()).rejects.toMatchObject({
      code: 'device_other_kind',
      params: { kind: 'RouterOS' },
    });
  });

  test.each([
    ['whole', EXPORT, 'good'],
    ['version 6', EXPORT.replace('2026-11-27', 'nov/27/2026'), 'good'],
    ['cut in a line', EXPORT.slice(0, -20), 'artefact_cut'],
    ['cut after a break', EXPORT.slice(0, EXPORT.indexOf('pass phrase')).trimEnd(), 'artefact_cut'],
    ['its head only', EXPORT.split('/')[0] ?? '', 'artefact_wrong: no section'],
    [
      'given up',
      `${EXPORT}#error exporting "/ip/dns" (timeout)\r\n`,
      'artefact_wrong: RouterOS gave up at "/ip/dns" (timeout)',
    ],
    ['a complaint', 'bad command name\r\n', 'artefact_wrong: no line "by RouterOS" at its beginning'],
    ['a page', '<html></html>', 'artefact_wrong: no line "by RouterOS" at its beginning'],
  ])('an export is judged: %s', async (_name, content, expected) => {
    expect(await verdict('mikrotik', content)).toBe(expected);
  });

  test('the same settings at another time compare as the same, and no secret is shown', async () => {
    const later = EXPORT.replace('2026-11-27 09:00:01', '2026-11-28 10:11:12')
      .replace('/ip pool\r\n', '/ip pool\r\n# inactive time\r\n')
      .replace('a long \\\r\n    pass', 'a lo\\\r\n    ng pass');
    const text = (await comparable(EXPORT)) ?? '';
    expect(await comparable(later)).toBe(text);
    for (const secret of SECRETS) expect(text).not.toContain(secret);
    expect(text).toContain('# by RouterOS 7.20.4');
    expect(text).toContain('serial number = HG00001ABCD');
    expect(text).toContain('public-key=cHVibGlj');
    expect(await comparable(EXPORT.replace('13231', '13232'))).not.toBe(text);
  });
});

describe('OpenWrt', () => {
  const BOARD = JSON.stringify({
    kernel: '6.6.86',
    hostname: 'OpenWrt',
    system: 'ARMv8',
    model: 'GL.iNet GL-MT6000',
    board_name: 'glinet,gl-mt6000',
    release: { distribution: 'OpenWrt', version: '24.10.4', revision: 'r28959' },
  });
  const root = temporaryFolder('openwrt');
  mkdirSync(join(root, 'etc/config'), { recursive: true });
  writeFileSync(join(root, 'etc/config/wireless'), "option key 'wifisecret'\n");
  writeFileSync(join(root, 'etc/config/network'), 'config interface lan\n');

  // as sysupgrade ends (package/base-files): tar to the name that stands behind -b, complaints nowhere
  const programs = {
    ubus: `[ "$1 $2 $3" = "call system board" ] && echo '${BOARD}'`,
    sysupgrade: `[ "$1" = -b ] && cd '${root}' && exec tar czf "$2" etc 2>/dev/null`,
  };

  test.skipIf(!haveSshd())('says what it is and gives a tar.gz that tar itself made', async () => {
    const router = await device({ programs }, { template: 'openwrt' });
    await expect(router.test()).resolves.toEqual({
      name: 'OpenWrt',
      model: 'GL.iNet GL-MT6000',
      firmware: '24.10.4',
    });
    const saved = await router.fetch();
    await expect(router.validate(saved)).resolves.toBeUndefined();
    const text = (await router.normalised(saved, 'backup.tar.gz')) ?? '';
    expect(text.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'etc/',
      'etc/config/',
      'etc/config/network',
      'etc/config/wireless',
    ]);
    expect(text).not.toContain('wifisecret');
  });

  test.skipIf(!haveSshd())('a box without its programs is none', async () => {
    const router = await device({}, { template: 'openwrt' });
    await expect(router.test()).rejects.toMatchObject({ code: 'device_other_kind' });
    await expect(router.fetch()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: expect.stringMatching(/sysupgrade.*status 127/) },
    });
  });

  const whole = execFileSync('tar', ['czf', '-', 'etc'], { cwd: root });
  const tar = gunzipSync(whole);
  const entry = 512 * 2 + 512 * 2;
  test.each([
    ['whole', whole, 'good'],
    ['gzip cut', whole.subarray(0, -10), 'artefact_cut'],
    ['gzip cut to its head', whole.subarray(0, 12), 'artefact_cut'],
    ['tar cut between two entries', gzipSync(tar.subarray(0, entry)), 'artefact_cut'],
    ['tar cut in an entry', gzipSync(tar.subarray(0, entry + 700)), 'artefact_cut'],
    ['without its end', gzipSync(tar.subarray(0, tar.length - 10_240 + 512 * 6)), 'artefact_cut'],
    ['no tar', gzipSync(Buffer.alloc(4_096, 'x')), 'artefact_wrong: no tar archive'],
    ['a bit turned', damaged(whole), 'artefact_wrong: the compressed data is damaged'],
    ['no gzip', Buffer.from('sysupgrade: not found'), 'artefact_wrong: the compressed data is damaged'],
    [
      'nothing in it',
      execFileSync('tar', ['czf', '-', '--no-recursion', 'etc'], { cwd: root }),
      'artefact_wrong: no file in the archive',
    ],
  ])('an archive is judged: %s', async (_name, content, expected) => {
    expect(await verdict('openwrt', content)).toBe(expected);
  });
});

/** Turns a bit of the checksum at the end of gzip. */
function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 8] = (copy[copy.length - 8] ?? 0) ^ 1;
  return copy;
}

describe('pfSense', () => {
  const xml = (revision = '1700000000') => `<?xml version="1.0"?>
<pfsense>
	<version>23.3</version>
	<system>
		<hostname>fw</hostname>
		<user>
			<name>admin</name>
			<bcrypt-hash>$2y$10$abcdefghijklmnopqrstuv</bcrypt-hash>
		</user>
	</system>
	<cert>
		<crt>Y2VydA==</crt>
		<prv>cHJpdmF0ZQ==</prv>
	</cert>
	<ipsec><phase1><pre-shared-key>ipsecsecret</pre-shared-key></phase1></ipsec>
	<ppps><ppp><password><![CDATA[cm9hZA==]]></password></ppp></ppps>
	<revision>
		<time>${revision}</time>
		<description><![CDATA[admin@192.168.1.2: changed]]></description>
	</revision>
</pfsense>
`;

  test.skipIf(!haveSshd())('says what it is and gives its configuration', async () => {
    const firewall = await device(
      {
        forced: `case "$SSH_ORIGINAL_COMMAND" in
  "cat /etc/platform") echo pfSense ;;
  "cat /etc/version") echo 2.8.1-RELEASE ;;
  hostname) echo fw.home.arpa ;;
  "cat /cf/conf/config.xml") cat '${fileWith(xml())}' ;;
  *) exit 1 ;;
esac`,
      },
      { template: 'pfsense' },
    );
    await expect(firewall.test()).resolves.toEqual({
      name: 'fw.home.arpa',
      model: 'pfSense',
      firmware: '2.8.1-RELEASE',
    });
    const saved = await firewall.fetch();
    await expect(firewall.validate(saved)).resolves.toBeUndefined();
    expect(await saved.get('config.xml').text()).toBe(xml());
  });

  test.skipIf(!haveSshd())('a key that may do nothing else gives it too', async () => {
    const firewall = await device({ forced: `cat '${fileWith(xml())}'` }, { template: 'pfsense' });
    await expect(firewall.test()).resolves.toEqual({});
    await expect(firewall.validate(await firewall.fetch())).resolves.toBeUndefined();
  });

  test.each([
    ['whole', xml(), 'good'],
    ['cut', xml().slice(0, -20), 'artefact_cut'],
    ['damaged', xml().replace('</system>', '</sistem>'), 'artefact_wrong: damaged XML'],
    ['of another firewall', xml().replaceAll('pfsense', 'opnsense'), 'artefact_wrong: no <pfsense>'],
    ['a page', '<!DOCTYPE html><html></html>', 'artefact_wrong: no <pfsense>'],
  ])('it is judged: %s', async (_name, content, expected) => {
    expect(await verdict('pfsense', content)).toBe(expected);
  });

  test('when and by whom it was changed is no difference, and no secret is shown', async () => {
    const text = (await comparable(xml())) ?? '';
    expect(await comparable(xml('1800000000'))).toBe(text);
    for (const secret of ['$2y$10', 'cHJpdmF0ZQ==', 'ipsecsecret', 'cm9hZA==']) {
      expect(text).not.toContain(secret);
    }
    expect(text).toContain('<hostname>fw</hostname>');
    expect(text).toContain('Y2VydA==');
  });
});

describe('Proxmox VE', () => {
  test.skipIf(!haveSshd())('gives an archive by the real tar, without what it has not got', async () => {
    const host = await device(
      {
        programs: { pveversion: 'echo "pve-manager/9.1.1/42db4a6cf33dac83 (running kernel: 6.17.2-1-pve)"' },
      },
      { template: 'proxmox' },
    );
    await expect(host.test()).resolves.toMatchObject({ model: 'Proxmox VE', firmware: '9.1.1' });
    const saved = await host.fetch();
    await expect(host.validate(saved)).resolves.toBeUndefined();
    const text = (await host.normalised(saved, 'host.tar.gz')) ?? '';
    expect(text).toMatch(/^etc\/hosts \d+ [0-9a-f]{16}$/m);
  });
});

describe('VyOS and EdgeOS', () => {
  const BOOT = `interfaces {
    ethernet eth0 {
        address dhcp
    }
}
system {
    login {
        user vyos {
            authentication {
                encrypted-password "$6$rounds=656000$saltsaltsalt$abcdefghijklmnop"
                plaintext-password "geheim"
            }
        }
    }
}

// Warning: Do not remove the following line.
// vyos-config-version: "broadcast-relay@1:cluster@2"
// Release version: 1.5
`;

  test.each([
    ['whole', BOOT, 'good'],
    ['of EdgeOS', BOOT.replace('// vyos-config-version: "b', '/* === vyatta-config-version: "b'), 'good'],
    ['cut', BOOT.slice(0, BOOT.indexOf('// Warning')), 'artefact_cut'],
    ['another file', '#!/bin/sh\n', 'artefact_wrong: no section'],
  ])('it is judged: %s', async (_name, content, expected) => {
    expect(await verdict('vyos', content)).toBe(expected);
  });

  test('no secret is shown', async () => {
    const text = (await comparable(BOOT)) ?? '';
    expect(text).not.toMatch(/geheim|\$6\$/);
    expect(text).toContain('address dhcp');
  });
});

describe("a command of one's own", () => {
  test.skipIf(!haveSshd())('is run as it stands, and its output kept', async () => {
    const box = await device({}, { template: 'custom', command: 'echo "a b"; echo c | tr c d' });
    await expect(box.test()).resolves.toEqual({});
    const saved = await box.fetch();
    expect(await saved.get('output.txt').text()).toBe('a b\nd\n');
    await expect(box.validate(saved)).resolves.toBeUndefined();
  });

  test.skipIf(!haveSshd())('that is missing or fails is told', async () => {
    const box = await device({}, { template: 'custom', command: 'no-such-program --now' });
    await expect(box.fetch()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: expect.stringMatching(/no-such-program.*not found, status 127/) },
    });
    const other = await device({}, { template: 'custom', command: '' });
    await expect(other.test()).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('an archive among it is read to its end', async () => {
    const whole = gzipSync('text');
    expect(await verdict('custom', whole)).toBe('good');
    expect(await verdict('custom', whole.subarray(0, -3))).toBe('artefact_cut');
    expect(await verdict('custom', 'any text')).toBe('good');
  });

  test('secrets in what nobody knows are masked as far as they can be told', async () => {
    const text = await comparable(
      [
        "option key 'stays'",
        "option wpa_psk 'hidden1'",
        'password = hidden2',
        '  "apiKey": "hidden3",',
        'export DB_PASSWORD=hidden4',
        'url: mqtt://user:hidden5@broker:1883',
        'root:$6$salt$hidden6hidden6hidden6:20000:0:99999:7:::',
        '-----BEGIN OPENSSH PRIVATE KEY-----\nhidden7\n-----END OPENSSH PRIVATE KEY-----',
        'PasswordAuthentication no',
        'set vpn ipsec secret hidden8',
      ].join('\n'),
    );
    expect(text).not.toContain('hidden');
    expect(text).toContain("option key 'stays'");
    expect(text).toContain('PasswordAuthentication no');
    // what a hostile device sends must not hold up anybody
    const started = performance.now();
    for (const part of ['<password>', '-----BEGIN PRIVATE KEY-----', 'a.', 'secret', 'x ', 'set x ', 'a']) {
      await comparable(part.repeat(3_000_000 / part.length));
    }
    expect(performance.now() - started).toBeLessThan(10_000);
    const json = await comparable('{"b":1,"token":"hidden","a":2}');
    expect(json).toBe('{\n  "a": 2,\n  "b": 1,\n  "token": "••••••"\n}');
    expect(await comparable(Buffer.from([0, 1, 2, 0xff]))).toBeUndefined();
  });
});

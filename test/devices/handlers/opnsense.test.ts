import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { opnsense } from '../../../src/devices/handlers/opnsense.ts';
import { type Certificate, makeCertificate } from '../../harness/certificate.ts';
import { haveReferees, referee, refereeProgram } from '../../harness/referee.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { configOf, DASHBOARD, HISTORY, OpnsenseFirewall } from '../../simulators/devices/opnsense.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

let certificate: Certificate;
beforeAll(() => {
  certificate = makeCertificate(temporaryFolder('certificate'));
});

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function firewall(): Promise<OpnsenseFirewall> {
  const made = new OpnsenseFirewall(certificate);
  running.push(made);
  await made.start();
  return made;
}

const run = (of: OpnsenseFirewall, change: Record<string, unknown> = {}) =>
  new HandlerRun(opnsense, { address: of.address, key: of.state.key, secret: of.state.secret, ...change });

async function foreign(status: number, headers: Record<string, string>, body: string): Promise<DeviceServer> {
  const server = new DeviceServer(
    (_, response) => response.writeHead(status, headers).end(body),
    certificate,
  );
  running.push(server);
  await server.start();
  return server;
}

const to = ({ address }: { address: string }) =>
  new HandlerRun(opnsense, { address, key: 'key', secret: 'secret' });

describe('what it is', () => {
  test('is read in its configuration where the user may do nothing else', async () => {
    const fw = await firewall();
    await expect(run(fw).test()).resolves.toEqual({ name: 'fw.home.arpa', model: 'OPNsense' });
  });

  test('comes with its version for a user who may see the dashboard', async () => {
    const fw = await firewall();
    fw.state.rights.push(...DASHBOARD);
    await expect(run(fw).test()).resolves.toEqual({
      name: 'fw.home.arpa',
      model: 'OPNsense',
      firmware: '26.1.2_3',
    });
  });

  test('is asked over TLS, and by whom it was met first', async () => {
    const fw = await firewall();
    const first = run(fw, { address: `127.0.0.1:${fw.server.port}` });
    await expect(first.test()).resolves.toMatchObject({ name: 'fw.home.arpa' });
    const [met] = first.met;
    expect(met).toMatch(/^[0-9A-F:]+$/);
    const settings = { address: fw.address, key: fw.state.key, secret: fw.state.secret };
    const other = new HandlerRun(opnsense, settings, { trusted: 'AA:BB' });
    await expect(other.fetch()).rejects.toMatchObject({ code: 'device_pin' });
    expect(fw.failures).toBe(0);
  });
});

describe('who asks', () => {
  test.each([
    ['another key', { key: 'other' }],
    ['another secret', { secret: 'other' }],
  ])('with %s is refused, and asks once only', async (_, change) => {
    const fw = await firewall();
    await expect(run(fw, change).test()).rejects.toMatchObject({ code: 'device_password' });
    expect(fw.failures).toBe(1);
    await expect(run(fw, change).fetch()).rejects.toMatchObject({ code: 'device_password' });
    expect(fw.failures).toBe(2);
  });

  test('without the right is told so', async () => {
    const fw = await firewall();
    fw.state.rights = [...DASHBOARD];
    await expect(run(fw).test()).rejects.toMatchObject({ code: 'device_forbidden' });
    await expect(run(fw).fetch()).rejects.toMatchObject({ code: 'device_forbidden' });
  });

  test('asks an old version in vain', async () => {
    const fw = await firewall();
    fw.state.old = true;
    await expect(run(fw).test()).rejects.toMatchObject({ code: 'device_not_there' });
  });
});

test('the newest configuration is fetched, as it is', async () => {
  const fw = await firewall();
  const saved = await run(fw).fetch();
  expect(saved.files.map(({ name }) => name)).toEqual(['config.xml']);
  await expect(saved.get('config.xml').text()).resolves.toBe(configOf('fw'));
  await expect(run(fw).validate(saved)).resolves.toBeUndefined();
});

test('a firewall that keeps no configurations answers with nothing', async () => {
  const fw = await firewall();
  fw.state.backups.clear();
  await expect(run(fw).test()).rejects.toMatchObject({ code: 'device_nothing' });
  await expect(run(fw).fetch()).rejects.toMatchObject({ code: 'device_nothing' });
});

describe('what is not good', () => {
  const handler = new HandlerRun(opnsense, { address: 'fw', key: 'key', secret: 'secret' });
  const config = configOf('fw');

  test.each<[string, string, string]>([
    ['a cut one', config.slice(0, -30), 'artefact_cut'],
    ['one cut in the middle', config.slice(0, 500), 'artefact_cut'],
    ['one with a hole', config.replace('</user>', ''), 'artefact_wrong'],
    ['a page', '<!doctype html><html><head><title>Login</title></head></html>', 'artefact_wrong'],
    ['one of pfSense', '<?xml version="1.0"?><pfsense><system/></pfsense>', 'artefact_wrong'],
    ['an encrypted one', '---- BEGIN config.xml ----\nVersion: OPNsense\n', 'artefact_wrong'],
    ['one without a system', '<opnsense><theme>x</theme></opnsense>', 'artefact_wrong'],
    ['one with entities', `<!DOCTYPE x [<!ENTITY a "b">]>${config.slice(22)}`, 'artefact_wrong'],
    ['another file', '{"status":200}', 'artefact_wrong'],
    ['nothing', '', 'artefact_wrong'],
  ])('%s', async (_, content, code) => {
    const saved = savedOf({ 'config.xml': content });
    await expect(handler.validate(saved)).rejects.toMatchObject({ code });
  });

  test('is not compared', async () => {
    const saved = savedOf({ 'config.xml': '{"status":200}' });
    await expect(handler.normalised(saved, 'config.xml')).resolves.toBeUndefined();
  });
});

describe('what is compared', () => {
  const handler = new HandlerRun(opnsense, { address: 'fw', key: 'key', secret: 'secret' });
  const lines = async (content: string) =>
    (await handler.normalised(savedOf({ 'config.xml': content }), 'config.xml')) ?? '';

  test('has one element a line, and no secrets', async () => {
    const text = await lines(configOf('fw'));
    expect(text).toMatch(/^<opnsense>\n {2}<theme>opnsense<\/theme>\n {2}<system>\n/);
    for (const line of [
      '    <hostname>fw</hostname>',
      '    <disableconsolemenu/>',
      '    <user uuid="6d2e7b4e-6f59-4a4e-9d4b-1f1f1f1f1f1f">',
      '      <descr>System &amp; Administrator</descr>',
      '      <password>••••••</password>',
      '      <otp_seed>••••••</otp_seed>',
      '      <apikeys>••••••</apikeys>',
      '      <authorizedkeys>c3NoLWVkMjU1MTkgQUFBQQ==</authorizedkeys>',
      '    <rocommunity>••••••</rocommunity>',
      '    <prv>••••••</prv>',
      '      <tls>••••••</tls>',
      '            <pubkey>public-of-wireguard</pubkey>',
      '            <privkey>••••••</privkey>',
      '        <psk>••••••</psk>',
      '          <keyType>PSK</keyType>',
      '          <Key>••••••</Key>',
      '            <action>pass</action>',
      '      <prefetchkey>1</prefetchkey>',
      '      <server version="1.0.0">',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toMatch(/<crt>LS0t/);
    expect(text).not.toMatch(/secret-of|\$2y\$|\$6\$/);
    for (const secret of ['secret-of-trust', 'secret-of-openvpn']) {
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, 12));
    }
  });

  test('does not change when it is only saved anew', async () => {
    expect(await lines(configOf('fw', 1_790_000_000.5))).toBe(await lines(configOf('fw')));
    expect(await lines(configOf('fw2'))).not.toBe(await lines(configOf('fw')));
  });
});

describe('what is no OPNsense', () => {
  test.each([
    ['a page', 200, '<!doctype html><html></html>', 'device_other_kind'],
    ['something else', 200, 'hello', 'device_unexpected'],
    ['nothing of the kind', 404, '', 'device_not_there'],
    ['a way elsewhere', 302, '', 'device_redirect'],
  ])('%s', async (_, status, body, code) => {
    const server = await foreign(status, status === 302 ? { location: '/login' } : {}, body);
    await expect(to(server).test()).rejects.toMatchObject({ code });
  });

  test('is told by the name of the web server', async () => {
    const fw = await firewall();
    await expect(to(fw).recognise(fw.address)).resolves.toEqual({ model: 'OPNsense' });
    expect(fw.failures).toBe(0);
    const other = await foreign(200, { server: 'nginx' }, '<html></html>');
    await expect(to(other).recognise(other.address)).resolves.toBeUndefined();
    const redirect = await foreign(301, { server: 'OPNsense', location: 'https://fw/' }, '');
    await expect(to(redirect).recognise(redirect.address)).resolves.toEqual({ model: 'OPNsense' });
  });
});

test('nothing is written back', () => {
  expect(opnsense.restore).toBeUndefined();
  expect(HISTORY).toEqual(['api/core/backup/*']);
});

/** What another parser makes of a configuration: the value of each path, in order. */
const PARSE = `
import json, sys
import xml.etree.ElementTree as tree

def walk(element, path):
    children = list(element)
    if not children:
        yield [path, (element.text or '').strip()]
    for child in children:
        yield from walk(child, path + '/' + child.tag)

print(json.dumps(list(walk(tree.parse(sys.argv[1]).getroot(), 'opnsense'))))
`;

describe.runIf(haveReferees())('the client opnsense-backup', () => {
  const fetched = async (fw: OpnsenseFirewall, secret = fw.state.secret): Promise<string> => {
    const folder = temporaryFolder('opnsense');
    const [config, output] = [join(folder, 'config.json'), join(folder, 'out.xml')];
    const settings = { url: fw.address, key: fw.state.key, secret, ssl_verify: false };
    // no authority that is usual knows the certificate; its file is YAML, of which JSON is a part
    writeFileSync(config, JSON.stringify({ opnsense: settings }));
    await refereeProgram('opnsense-backup', ['--config', config, '--output', output]);
    return output;
  };

  test('takes the simulator for a firewall, and fetches the same as we do', async () => {
    const fw = await firewall();
    const output = await fetched(fw);
    await expect(
      run(fw)
        .fetch()
        .then((saved) => saved.get('config.xml').text()),
    ).resolves.toBe(readFileSync(output, 'utf8'));
    const elements = JSON.parse(await referee(PARSE, [output])) as [string, string][];
    const text = (await run(fw).normalised(await run(fw).fetch(), 'config.xml')) ?? '';
    for (const [path, value] of elements) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const left = /\/revision\/|pwd_changed_at/.test(path);
      const shown = text.includes(`<${name}>${value.replaceAll('&', '&amp;')}</${name}>`);
      const masked = text.includes(`<${name}>••••••</${name}>`);
      expect(left || shown || masked || (value === '' && text.includes(`<${name}/>`)), path).toBe(true);
    }
  });

  test('is refused where we are', async () => {
    const fw = await firewall();
    await expect(fetched(fw, 'wrong')).rejects.toThrow(/401/);
  });
});

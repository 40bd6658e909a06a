import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../harness/certificate.ts';
import { freePort } from '../harness/free-port.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { haveMosquitto, type Mosquitto } from '../harness/mosquitto.ts';
import { INSTANCE, Outlet } from '../harness/outlet.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hangsUp, knowsOnly311, OddBroker, passesOn, silent, speaksHttp } from '../simulators/mqtt/index.ts';
import { makeAuthority, makeServerCertificate } from '../simulators/s3/certificates.ts';

const USERS = { homestash: 'correct horse battery' };
const [USERNAME, PASSWORD] = Object.entries(USERS)[0] as [string, string];
const MINUTE_MS = 60_000;
const TOPIC = `homestash/${INSTANCE}`;
const ANNOUNCEMENT = {
  ...{ url: 'http://192.168.1.5:8098', instance_id: INSTANCE },
  ...{ version: '0.1.0', api_version: 1, name: 'Homestash' },
};

const outlets: Outlet[] = [];
async function outlet(options: Partial<ConstructorParameters<typeof Outlet>[0]> = {}): Promise<Outlet> {
  const made = new Outlet({ clock: new IdleClock(), ...options });
  outlets.push(made);
  await made.start();
  return made;
}
afterEach(async () => {
  for (const made of outlets.splice(0)) await made.stop();
});

/** What is retained of us, once it is as it should be. */
async function retainedAt(broker: Mosquitto, wanted: (retained: Record<string, string>) => boolean) {
  return waitFor('the retained messages', async () => {
    const retained = await broker.retained(`${TOPIC}/#`);
    return wanted(retained) && retained;
  });
}
const hasAll = (retained: Record<string, string>) => Object.keys(retained).length === 2;
const hasNone = (retained: Record<string, string>) => Object.keys(retained).length === 0;
const says = (status: string) => (retained: Record<string, string>) => retained[`${TOPIC}/status`] === status;

const connected = (made: Outlet) =>
  waitFor('the connection', async () => (await made.status()).state === 'connected');

describe.skipIf(!haveMosquitto())('with a real broker', () => {
  const stage = new Stage('mqtt');
  let broker: Mosquitto;

  beforeAll(async () => {
    broker = await stage.mosquitto({ users: USERS });
  });
  afterAll(() => stage.close());

  const settings = () => ({ url: broker.url, username: USERNAME, password: PASSWORD });

  test('there is nothing at first, and then what was entered', async () => {
    const made = await outlet({ announcement: () => ANNOUNCEMENT });
    expect(await made.status()).toEqual({
      ...{ source: 'none', state: 'off', url: null, username: null },
      ...{ ca_certificate: null, client_certificate: null, discovery_prefix: 'homeassistant', problem: null },
    });
    expect(await made.use(settings())).toEqual({
      ...{ source: 'settings', state: 'connected', url: broker.url, username: USERNAME },
      ...{ ca_certificate: '', client_certificate: '', discovery_prefix: 'homeassistant', problem: null },
    });
    expect(made.changes).toBeGreaterThan(0);
    const retained = await retainedAt(broker, hasAll);
    expect(retained[`${TOPIC}/status`]).toBe('online');
    expect(JSON.parse(retained[`${TOPIC}/discovery`] as string)).toEqual(ANNOUNCEMENT);
  });

  test('speaks MQTT 5', async () => {
    await (await outlet()).use(settings());
    expect(broker.log()).toMatch(new RegExp(`as homestash-${INSTANCE} \\(p5`));
  });

  test('comes back after a start with what was entered, and says so to those who ask', async () => {
    const first = await outlet({ announcement: () => ANNOUNCEMENT });
    await first.use(settings());
    await first.stop();
    outlets.length = 0;
    await retainedAt(broker, says('offline'));
    const again = await outlet({ dataDir: first.dataDir, announcement: () => ANNOUNCEMENT });
    await connected(again);
    await retainedAt(broker, says('online'));
  });

  test('takes everything along when it is forgotten', async () => {
    const made = await outlet({ announcement: () => ANNOUNCEMENT });
    await made.use(settings());
    expect(await made.forget()).toMatchObject({ source: 'none', state: 'off', url: null });
    await retainedAt(broker, hasNone);
  });

  test('announces nothing while nobody else can reach the core, and clears what stands there', async () => {
    broker.publish(`${TOPIC}/discovery`, JSON.stringify(ANNOUNCEMENT), { retain: true });
    await (await outlet()).use(settings());
    await retainedAt(broker, (retained) => !(`${TOPIC}/discovery` in retained));
  });

  test('announces the new name of the core', async () => {
    let name = 'Homestash';
    const made = await outlet({ announcement: () => ({ ...ANNOUNCEMENT, name }) });
    await made.use(settings());
    name = 'Attic';
    made.bus.emit('settings_changed', {});
    await retainedAt(broker, (retained) => retained[`${TOPIC}/discovery`]?.includes('Attic') === true);
  });

  test('a wrong password is refused, and what was there stays', async () => {
    const made = await outlet();
    await made.use(settings());
    const refused = made.use({ ...settings(), password: 'wrong one' });
    await expect(refused).rejects.toMatchObject({ code: 'mqtt_password', status: 422 });
    expect(await made.status()).toMatchObject({ state: 'connected', username: USERNAME });
  });

  test('an absent password stays for the same broker, and goes to no other', async () => {
    const made = await outlet();
    await made.use(settings());
    const { url, username } = settings();
    expect(await made.use({ url: `${url}/`, username })).toMatchObject({ state: 'connected' });
    const elsewhere = made.use({ url: url.replace('127.0.0.1', 'localhost'), username });
    await expect(elsewhere).rejects.toMatchObject({ code: 'mqtt_password' });
  });

  test('never writes the password into a log, nor readable on disk', async () => {
    const made = await outlet();
    await made.use(settings());
    await made.use({ ...settings(), password: 'wrong one' }).catch(() => undefined);
    const log = made.lines.join('');
    for (const secret of [PASSWORD, 'wrong one']) expect(log).not.toContain(secret);
  });

  test('a password that can no longer be read is asked for, in the language of who looks', async () => {
    const first = await outlet();
    await first.use(settings());
    await first.stop();
    outlets.length = 0;
    rmSync(join(first.dataDir, 'secret.key'));
    const again = await outlet({ dataDir: first.dataDir });
    await waitFor('the failure', async () => (await again.status()).state === 'failed');
    expect((await again.status()).problem).toMatchObject({ code: 'mqtt_password_lost' });
    expect((await again.status('de')).problem?.title).toContain('Passwort');
    expect(await again.use(settings())).toMatchObject({ state: 'connected' });
  });

  test('a broker that is killed is connected to again, with everything that was there', async () => {
    const own = await stage.mosquitto();
    const clock = new IdleClock();
    const made = await outlet({ clock, announcement: () => ANNOUNCEMENT });
    await made.use({ url: own.url });
    await own.program.kill9();
    await waitFor('the failure', async () => (await made.status()).state === 'failed');
    expect((await made.status()).problem).toMatchObject({ code: 'mqtt_refused' });
    const { changes } = made;
    await clock.during(clock.sleep(10 * MINUTE_MS));
    // that it still does not work is no news
    expect(made.changes).toBe(changes);
    await own.start();
    await waitFor('the connection', async () => {
      clock.forward(60_000);
      return (await made.status()).state === 'connected';
    });
    await retainedAt(own, hasAll);
  });

  test('what vanishes without a word is called offline by the broker', async () => {
    const way = await new OddBroker(passesOn(broker.port)).start();
    const made = await outlet();
    await made.use({ ...settings(), url: way.url });
    await retainedAt(broker, says('online'));
    await way.stop();
    await retainedAt(broker, says('offline'));
  });

  describe('over TLS', () => {
    let secure: Mosquitto;
    const certificate = makeCertificate(stage.path('certificate'));

    beforeAll(async () => {
      secure = await stage.mosquitto({ users: USERS, tls: certificate });
    });

    test('connects with the certificate of its authority', async () => {
      const ca_certificate = certificate.authority;
      const used = await (await outlet()).use({ ...settings(), url: secure.url, ca_certificate });
      expect(used).toMatchObject({ state: 'connected', ca_certificate });
    });

    test('shows a certificate to a broker that wants one, and keeps its key for that broker', async () => {
      const strict = await stage.mosquitto({ users: USERS, tls: certificate, clientCertificates: true });
      const ca_certificate = certificate.authority;
      const made = await outlet();
      await expect(made.use({ ...settings(), url: strict.url, ca_certificate })).rejects.toMatchObject({
        status: 422,
      });
      const client_certificate = readFileSync(certificate.certFile, 'utf8');
      const client_key = readFileSync(certificate.keyFile, 'utf8');
      const whole = { ...settings(), url: strict.url, ca_certificate, client_certificate };
      expect(await made.use({ ...whole, client_key })).toMatchObject({
        state: 'connected',
        client_certificate,
      });
      expect(await made.use(whole)).toMatchObject({ state: 'connected' });
      expect(JSON.stringify(await made.status())).not.toContain('PRIVATE KEY');
      expect(made.lines.join('')).not.toContain('PRIVATE KEY');
    });

    test('trusts nobody without it', async () => {
      const refused = (await outlet()).use({ ...settings(), url: secure.url });
      await expect(refused).rejects.toMatchObject({ code: 'mqtt_tls_untrusted', status: 422 });
    });

    test('says that a broker speaks none', async () => {
      const refused = (await outlet()).use({ ...settings(), url: broker.url.replace('mqtt:', 'mqtts:') });
      await expect(refused).rejects.toMatchObject({ code: 'mqtt_tls', params: { reason: 'ECONNRESET' } });
    });
  });

  test.for([false, true])('connects over websockets (TLS: %s)', async (tls) => {
    const certificate = makeCertificate(stage.path('websockets'));
    const own = await stage.mosquitto({ websockets: true, ...(tls ? { tls: certificate } : {}) });
    const used = (await outlet()).use({ url: own.url, ca_certificate: tls ? certificate.authority : '' });
    expect(await used).toMatchObject({ state: 'connected', url: own.url });
  });

  test.for(['says so', 'hangs up'] as const)('falls back to MQTT 3.1.1 where a broker %s', async (how) => {
    const own = await stage.mosquitto();
    const old = await new OddBroker(knowsOnly311(own.port, how)).start();
    const made = await outlet({ announcement: () => ANNOUNCEMENT });
    expect(await made.use({ url: old.url })).toMatchObject({ state: 'connected' });
    expect(own.log()).toMatch(new RegExp(`as homestash-${INSTANCE} \\(p2`));
    await retainedAt(own, hasAll);
    await made.stop();
    outlets.length = 0;
    await old.stop();
  });

  describe('under the Supervisor', () => {
    const provided = () => ({
      ...{ host: '127.0.0.1', port: broker.port, ssl: false, username: USERNAME, password: PASSWORD },
    });

    test('its broker is used until another is entered', async () => {
      const made = await outlet({ provided: async () => provided() });
      await connected(made);
      expect(await made.status()).toMatchObject({
        source: 'supervisor',
        url: broker.url,
        username: USERNAME,
      });
      expect(made.lines.join('')).not.toContain(PASSWORD);
      const own = await stage.mosquitto();
      expect(await made.use({ url: own.url })).toMatchObject({ source: 'settings', url: own.url });
      await retainedAt(broker, hasNone);
      expect(await made.forget()).toMatchObject({ source: 'supervisor', state: 'connected' });
    });

    test('a broker that comes later is found, and one that changes its password is asked about anew', async () => {
      const clock = new IdleClock();
      let answer: ReturnType<typeof provided> | undefined;
      const made = await outlet({ clock, provided: async () => answer });
      expect(await made.status()).toMatchObject({ source: 'none', state: 'off' });
      answer = { ...provided(), password: 'not yet' };
      await waitFor('the refusal', async () => {
        clock.forward(5 * 60_000);
        return (await made.status()).problem?.code === 'mqtt_password';
      });
      expect(await made.status()).toMatchObject({ source: 'supervisor', state: 'failed' });
      answer = provided();
      await waitFor('the connection', async () => {
        clock.forward(60_000);
        return (await made.status()).state === 'connected';
      });
    });
  });
});

describe('a broker that cannot be used', () => {
  const authority = makeAuthority();
  const clock = new IdleClock();
  const odd: OddBroker[] = [];
  const start = async (...how: ConstructorParameters<typeof OddBroker>) => {
    const broker = await new OddBroker(...how).start();
    odd.push(broker);
    return broker.url;
  };
  afterEach(async () => {
    for (const broker of odd.splice(0)) await broker.stop();
  });
  const untrusted = (kind: 'expired' | 'wrong_name' | 'self_signed') =>
    start(silent, makeServerCertificate(kind, authority));

  test.for([
    ['a name that nobody knows', 'mqtt_dns', async (): Promise<string> => 'mqtt://broker.invalid:1883'],
    ['nobody there', 'mqtt_refused', async () => `mqtt://127.0.0.1:${await freePort()}`],
    ['accepts and says nothing', 'mqtt_timeout', () => start(silent)],
    ['hangs up', 'mqtt_cut', () => start(hangsUp)],
    ['another protocol', 'mqtt_not_mqtt', () => start(speaksHttp)],
    [
      'a websocket server that is none',
      'mqtt_not_mqtt',
      async () => (await start(speaksHttp)).replace('mqtt', 'ws'),
    ],
    ['an expired certificate', 'mqtt_tls_expired', () => untrusted('expired')],
    ['a certificate for another name', 'mqtt_tls_name', () => untrusted('wrong_name')],
    ['a certificate of nobody', 'mqtt_tls_untrusted', () => untrusted('self_signed')],
  ] as const)('%s: %s', async ([, code, begin]) => {
    const made = await outlet({ clock });
    const url = await begin();
    const refused = made.use({ url, ca_certificate: authority.cert });
    const problem = await clock.during(refused.catch((error: unknown) => error));
    expect(problem).toMatchObject({ code, status: 422 });
    expect(problem).not.toHaveProperty('params.password');
    expect(await made.status()).toMatchObject({ source: 'none', state: 'off' });
    await waitFor('the connections to end', () => odd.every(({ connections }) => connections === 0));
  });

  test.for(['http://broker.local', 'mqtt://user:secret@broker.local', 'broker.local', 'mqtt://'])(
    '%s is no address of one',
    async (url) => {
      await expect((await outlet()).use({ url })).rejects.toMatchObject({ code: 'invalid_request' });
    },
  );

  test('does not hold a stop up while it is silent', async () => {
    const [host = '', port] = new URL(await start(silent)).host.split(':');
    const provided = async () => ({ host, port: Number(port), ssl: false, username: '', password: '' });
    const made = await outlet({ provided });
    await waitFor('the attempt', () => odd[0]?.connections === 1);
    await made.stop();
    outlets.length = 0;
  });
});

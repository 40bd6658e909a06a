import { Webhook as Receiver } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Happening, Webhook, WebhookInput, WebhookKind } from '../../src/contract/index.ts';
import { decide } from '../../src/outlets/webhooks/rules.ts';
import { TEMPLATES } from '../../src/outlets/webhooks/templates/registry.ts';
import { makeBackup } from '../harness/archives.ts';
import { keepCheapPassword } from '../harness/cheap-password.ts';
import type { CoreProcess } from '../harness/core.ts';
import { Person } from '../harness/person.ts';
import { Sink } from '../harness/sink.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { Scene } from '../overview/scene.ts';

const MINUTE_MS = 60_000;

let scene: Scene;
let person: Person;
const sinks: Sink[] = [];

beforeAll(async () => {
  scene = await Scene.start();
  person = await scene.person();
});
afterEach(async () => {
  for (const { id } of await list()) await person.call('DELETE', `/api/v1/webhooks/${id}`);
  for (const sink of sinks.splice(0)) await sink.stop();
});
afterAll(() => scene.remove());

async function sink(): Promise<Sink> {
  const one = await new Sink().start();
  sinks.push(one);
  return one;
}

const add = (more: Partial<WebhookInput> & { url: string }): Promise<Webhook> =>
  person.call('POST', '/api/v1/webhooks', { name: 'Phone', kind: 'generic', severity: 'info', ...more });

const list = async () => (await person.call<{ webhooks: Webhook[] }>('GET', '/api/v1/webhooks')).webhooks;
const shown = async (id: string) => (await list()).find((one) => one.id === id) as Webhook;
const until = <Value>(what: string, is: () => Value | Promise<Value>): Promise<NonNullable<Awaited<Value>>> =>
  scene.clock.during(waitFor(what, is as never, { intervalMs: 50 })) as never;

const codesIn = (one: Sink): string[] =>
  one.arrived.map(({ body }) => (JSON.parse(body) as { type: string }).type.replace('homestash.', ''));

/** A backup that does not arrive. */
async function failTo(targetId: string): Promise<void> {
  const { backup, archive } = makeBackup({ date: scene.now() });
  await scene.core.client
    .upload(targetId, backup, archive.subarray(0, archive.length / 2))
    .catch(() => undefined);
}

describe('who wants to be told', () => {
  test('is told of what happens, signed so that a receiver of others believes it', async () => {
    const one = await sink();
    const { id } = await add({ url: `${one.url}/hook?key=geheim`, token: 'a bearer token' });
    const target = await scene.addBucket('Cloud', 'signed');
    await scene.backUp(target, { name: 'Tuesday' });
    const arrived = await until('the message', () =>
      one.arrived.find(({ body }) => body.includes('homestash.backup_stored')),
    );
    const { secret } = await person.call<{ secret: string }>('POST', `/api/v1/webhooks/${id}/secret`);
    const headers = arrived.headers as Record<string, string>;
    const verified = new Receiver(secret).verify(arrived.body, {
      ...headers,
      // the receiver looks at its own clock, and ours was turned
      'webhook-timestamp': headers['webhook-timestamp'] ?? '',
    });
    expect(verified).toMatchObject({
      type: 'homestash.backup_stored',
      data: { title: 'Tuesday is stored in Cloud', home: 'Homestash', count: 1, severity: 'info' },
    });
    expect(arrived).toMatchObject({ method: 'POST', path: '/hook?key=geheim' });
    expect(headers.authorization).toBe('Bearer a bearer token');
    // it has arrived before we have heard that it has
    await until('the answer', async () => (await shown(id)).waiting === 0);
    const after = await shown(id);
    expect(after).toMatchObject({ problem: null, has_token: true });
    expect(after.deliveries).toContainEqual(
      expect.objectContaining({
        title: 'Tuesday is stored in Cloud',
        state: 'delivered',
        attempts: 1,
      }),
    );
  });

  test('hears only of what is urgent enough, and about what it chose', async () => {
    const [urgent, places] = [await sink(), await sink()];
    await add({ url: urgent.url, severity: 'error' });
    await add({ url: places.url, topics: ['locations'] });
    const target = await scene.addBucket('Quiet', 'quiet');
    await scene.backUp(target);
    await failTo(target.id);
    await until('both', () => urgent.arrived.length > 0 && places.arrived.length > 0);
    expect(codesIn(urgent)).toEqual(['backup_failed']);
    expect(codesIn(places)).toEqual(['target_added']);
  });

  test('of a problem that comes again and again hears once, and once that it is over', async () => {
    const one = await sink();
    const { id } = await add({ url: one.url, severity: 'error' });
    const target = await scene.addBucket('NAS', 'again');
    one.says(503);
    for (let n = 0; n < 4; n += 1) await failTo(target.id);
    await until('the first attempt', async () => (await shown(id)).deliveries[0]?.attempts);
    one.arrived.splice(0);
    one.takes();
    await until('the message', () => one.arrived.length > 0);
    expect(JSON.parse(one.arrived[0]?.body ?? '')).toMatchObject({
      type: 'homestash.backup_failed',
      data: { count: 4 },
    });
    await failTo(target.id);
    await scene.until('the notice', ({ notices }) => notices.some(({ code }) => code === 'upload_failed'));
    await scene.backUp(target);
    await until('the end', () => codesIn(one).includes('problem_over'));
    expect(codesIn(one)).toEqual(['backup_failed', 'problem_over']);
    expect(JSON.parse(one.arrived.at(-1)?.body ?? '')).toMatchObject({
      data: { count: 5, title: 'Over: The last backup did not arrive at NAS' },
    });
  });
});

describe('a receiver on a bad day', () => {
  test('is asked again, with the same id and longer and longer pauses, and that is said', async () => {
    const one = await sink();
    one.says(500);
    const { id } = await add({ name: 'Chat', url: one.url });
    await scene.addBucket('Away', 'away');
    await until('five attempts', async () => ((await shown(id)).deliveries.at(-1)?.attempts ?? 0) >= 5);
    const ids = one.arrived.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids.slice(0, 5)).size).toBe(1);
    expect(await shown(id)).toMatchObject({ problem: { code: 'webhook_status', params: { status: '500' } } });
    await scene.until('the notice', ({ notices }) =>
      notices.some(({ code, title }) => code === 'webhook_failing' && title === 'Chat is not reached'),
    );
    one.takes();
    await until('the delivery', async () => (await shown(id)).waiting === 0);
    await scene.until('the end of the notice', ({ notices }) =>
      notices.every(({ code }) => code !== 'webhook_failing'),
    );
  });

  test('gets the pause that it asks for', async () => {
    const one = await sink();
    one.says(429, { 'retry-after': '1800' });
    const { id } = await add({ url: one.url });
    await scene.addBucket('Busy', 'busy');
    const next = await until('the refusal', async () => (await shown(id)).deliveries.at(-1)?.next_at);
    expect(Date.parse(next) - scene.clock.now()).toBeGreaterThan(25 * MINUTE_MS);
  });

  test('that will never take a message holds up no other', async () => {
    const one = await sink();
    one.answer = ({ body }, response) => {
      response.writeHead(body.includes('target_added') ? 400 : 200).end();
    };
    const { id } = await add({ url: one.url });
    const target = await scene.addBucket('Odd', 'odd');
    await scene.backUp(target);
    await until('the next one', () => codesIn(one).includes('backup_stored'));
    await until('what became of them', async () => (await shown(id)).waiting === 0);
    const states = (await shown(id)).deliveries.map(({ state, problem }) => [state, problem?.code]);
    expect(states).toContainEqual(['failed', 'webhook_rejected']);
    expect(states).toContainEqual(['delivered', undefined]);
  });

  test.for([
    [301, 'webhook_redirect'],
    [403, 'webhook_denied'],
    [404, 'webhook_missing'],
    [422, 'webhook_rejected'],
    [503, 'webhook_status'],
  ] as const)('is tried by a person, who is told what %i means', async ([status, code]) => {
    const one = await sink();
    const { id } = await add({ url: one.url });
    one.says(status, { location: 'https://example.org' });
    const answer = await person.ask('POST', `/api/v1/webhooks/${id}/test`, undefined, {
      'accept-language': 'de',
    });
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([422, code]);
    one.takes();
    await person.call('POST', `/api/v1/webhooks/${id}/test`);
    expect(codesIn(one).at(-1)).toBe('test');
  });

  test('that is not there, or never answers, is named', async () => {
    const one = await sink();
    const { id } = await add({ url: one.url });
    one.answer = () => undefined;
    const asking = person.ask('POST', `/api/v1/webhooks/${id}/test`);
    const late = await scene.clock.during(asking);
    expect(JSON.parse(late.text)).toMatchObject({ code: 'webhook_timeout' });
    await one.stop();
    const gone = await person.ask('POST', `/api/v1/webhooks/${id}/test`);
    expect(JSON.parse(gone.text)).toMatchObject({ code: 'webhook_refused' });
    sinks.splice(0);
  });
});

describe('what is secret', () => {
  test('is shown to nobody again, stays for the same host, and goes to no other', async () => {
    const [one, other] = [await sink(), await sink()];
    const { id } = await add({ url: `${one.url}/services/T0/SECRETPART`, token: 'another-secret' });
    const all = JSON.stringify(await list());
    for (const secret of ['SECRETPART', 'another-secret', 'whsec_']) {
      expect(all).not.toContain(secret);
      expect(scene.core.lines.join('')).not.toContain(secret);
    }
    await person.call('PATCH', `/api/v1/webhooks/${id}`, { name: 'Tablet', url: `${one.url}/else` });
    await person.call('POST', `/api/v1/webhooks/${id}/test`);
    expect(one.arrived.at(-1)).toMatchObject({
      path: '/else',
      headers: { authorization: 'Bearer another-secret' },
    });
    await person.call('PATCH', `/api/v1/webhooks/${id}`, { url: other.url });
    await person.call('POST', `/api/v1/webhooks/${id}/test`);
    expect(other.arrived.at(-1)?.headers.authorization).toBeUndefined();
  });

  test.for([
    { kind: 'gotify' as WebhookKind, url: 'https://gotify.example' },
    { url: 'ftp://example.org' },
    { url: 'https://user:password@example.org' },
    { url: 'nonsense' },
  ])('and what cannot be meant is refused: %j', async (input) => {
    const answer = await person.ask('POST', '/api/v1/webhooks', { name: 'X', kind: 'generic', ...input });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });
});

describe('a core that is killed', () => {
  const stage = new Stage('webhooks-killed');
  afterAll(() => stage.close());

  test('sends what waited after its next start, with the id that it had', { timeout: 120_000 }, async () => {
    const one = await sink();
    // whatever else is told arrives: a message waits for those before it
    one.answer = ({ body }, response) => {
      response.writeHead(body.includes('Before the crash') ? 503 : 200).end();
    };
    const core: CoreProcess = await stage.core();
    keepCheapPassword(core.dataDir, 'a long enough one');
    const owner = new Person(core.url);
    await owner.signIn('a long enough one');
    await owner.call('POST', '/api/v1/webhooks', {
      name: 'Phone',
      kind: 'generic',
      url: one.url,
      severity: 'info',
    });
    const [target] = await core.client.targets();
    const { backup, archive } = makeBackup({ name: 'Before the crash' });
    await core.client.upload(target?.id ?? '', backup, archive);
    await waitFor('the attempt', () => one.arrived.some(({ body }) => body.includes('Before the crash')));
    const id = one.arrived.find(({ body }) => body.includes('Before the crash'))?.headers['webhook-id'];
    await core.kill9();
    one.arrived.splice(0);
    one.takes();
    await core.start();
    const again = await waitFor('the message', () =>
      one.arrived.find(({ body }) => body.includes('Before the crash')),
    );
    expect(again.headers['webhook-id']).toBe(id);
  });
});

describe('the templates', () => {
  const happening: Happening = {
    ...{ id: 7, at: '2026-11-26T08:00:00.000Z', code: 'backup_failed', about: 'backups', severity: 'error' },
    ...{ title: 'Tuesday did not arrive at <NAS> & @everyone', text: 'It does not answer.' },
    ...{ target_id: 'nas', backup_id: null, problem_id: 'upload_failed:nas' },
  };
  const told = { id: 'm1', happening, count: 3, home: 'Attic' };
  const over: Happening = { ...happening, code: 'problem_over', severity: 'info' };
  const sent = (kind: WebhookKind, url: string, token = '') => TEMPLATES[kind](told, { url, token });

  test('discord: an embed in a colour, and nobody is called', () => {
    const { body, url } = sent('discord', 'https://discord.com/api/webhooks/1/x');
    expect(url).toBe('https://discord.com/api/webhooks/1/x');
    expect(body).toMatchObject({
      username: 'Attic',
      allowed_mentions: { parse: [] },
      embeds: [{ title: `${happening.title} (3 ×)`, description: happening.text, color: 0xed4245 }],
    });
    const good = TEMPLATES.discord({ ...told, happening: over }, { url, token: '' }).body;
    expect(good).toMatchObject({ embeds: [{ color: 0x57f287 }] });
  });

  test('slack: a text in which a name is no markup', () => {
    expect(sent('slack', 'https://hooks.slack.com/services/x').body).toEqual({
      text: ':red_circle: *Tuesday did not arrive at &lt;NAS&gt; &amp; @everyone (3 ×)*\nIt does not answer.\n_Attic_',
    });
  });

  test('ntfy: the topic out of the address, also below a path', () => {
    expect(sent('ntfy', 'https://ntfy.sh/my-home')).toMatchObject({
      url: 'https://ntfy.sh/',
      body: { topic: 'my-home', priority: 4, tags: ['rotating_light'], message: happening.text },
    });
    expect(sent('ntfy', 'http://nas:8080/ntfy/alarm', 'tk_1')).toMatchObject({
      url: 'http://nas:8080/ntfy',
      headers: { authorization: 'Bearer tk_1' },
      body: { topic: 'alarm' },
    });
  });

  test('gotify: the key in a header, the message where it takes them', () => {
    for (const url of [
      'https://gotify.example',
      'https://gotify.example/',
      'https://gotify.example/message',
    ]) {
      expect(sent('gotify', url, 'A.key')).toMatchObject({
        url: 'https://gotify.example/message',
        headers: { 'x-gotify-key': 'A.key' },
        body: { priority: 8, message: happening.text },
      });
    }
  });

  test('home_assistant: all of it, for a webhook trigger', () => {
    expect(sent('home_assistant', 'http://ha:8123/api/webhook/abc').body).toMatchObject({
      type: 'homestash.backup_failed',
      data: { home: 'Attic', count: 3, target_id: 'nas' },
    });
  });
});

describe('the rule', () => {
  const DAY_MS = 24 * 60 * MINUTE_MS;
  const begun = { code: 'backup_failed', problem: 'p', at: 10 * DAY_MS } as const;
  const end = { ...begun, code: 'problem_over' } as const;
  const newest = (state: 'waiting' | 'delivered', created_at: number, isEnd = false) => ({
    state,
    created_at,
    isEnd,
  });

  test.for([
    ['what is no problem is told', { code: 'backup_stored', problem: undefined, at: 0 }, undefined, 'send'],
    ['a problem is told', begun, undefined, 'send'],
    ['one after the last was over, too', begun, newest('delivered', 9.9 * DAY_MS, true), 'send'],
    ['one that waits gets a count', begun, newest('waiting', 9.9 * DAY_MS), 'add'],
    ['one that was told is not told again', begun, newest('delivered', 9.9 * DAY_MS), 'nothing'],
    ['but after a day', begun, newest('delivered', 9 * DAY_MS), 'send'],
    ['the end is told to who heard of it', end, newest('delivered', 9 * DAY_MS), 'send'],
    ['and to nobody else', end, undefined, 'nothing'],
    ['nor twice', end, newest('delivered', 9 * DAY_MS, true), 'nothing'],
  ] as const)('%s', ([, entry, before, what]) => expect(decide(entry, before)).toBe(what));
});

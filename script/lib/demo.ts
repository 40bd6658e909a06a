import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HomeAssistant as HomeAssistantDocument, PATHS, type Target } from '../../src/contract/index.ts';
import { haveVersitygw, repositoryRoot, version } from '../../test/harness/cache.ts';
import { agentId, type CoreProcess } from '../../test/harness/core.ts';
import type { Answer, HomeAssistant } from '../../test/harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../../test/harness/pairing.ts';
import { Person } from '../../test/harness/person.ts';
import { BucketOnDisk, bucketInput } from '../../test/harness/s3-target.ts';
import { Stage } from '../../test/harness/stage.ts';
import { buildWeb } from './build-web.ts';
import { during, megabytes, seconds, speed, tell } from './narrator.ts';

// Stands in for a home's recordings: long enough to see a speed, short enough to wait for.
const BALLAST_BYTES = 128 * 1024 * 1024;
const OWNER = { username: 'demo', password: 'homestash' };
const PAGE_PASSWORD = 'keeps the home';
const BACKUP_NAME = 'Demo backup';
// As shells report a program that SIGINT ended.
const EXIT_INTERRUPTED = 130;

/** Where the demo's backup goes, and how to read there past all of our code. */
interface Place {
  readonly target: Target;
  readonly words: string;
  readonly look: string[];
  archives(): string[];
}

async function addBucket(stage: Stage, core: CoreProcess): Promise<Place> {
  const server = await during(
    'starting versitygw',
    () => stage.s3(['backups']),
    ({ endpoint }) => `versitygw, an S3 server, listens at ${endpoint}`,
  );
  const target = await during(
    'trying the bucket',
    () => core.client.addTarget(bucketInput(server, 'Demo bucket')),
    ({ name }) =>
      `Homestash has tried the bucket (write, list, read, multipart, delete) and added it as "${name}"`,
  );
  const disk = new BucketOnDisk(server);
  return {
    target,
    words: 'the bucket',
    look: [
      `S3 server       ${server.endpoint}  bucket "backups"  key ${server.accessKey}  secret ${server.secretKey}`,
      `  its files     ${disk.path('')}`,
    ],
    archives: () =>
      disk
        .keys()
        .filter((key) => key.endsWith('.tar'))
        .map((key) => disk.path(key)),
  };
}

async function takeFolder(core: CoreProcess): Promise<Place> {
  tell('  There is no Go on this machine to build an S3 server with: the backup goes to a folder instead.');
  const [target] = await core.client.targets();
  if (target?.settings.kind !== 'folder') throw new Error('a fresh Homestash has no folder for backups');
  const { path } = target.settings;
  return {
    target,
    words: 'the folder',
    look: [`Backups         ${path}`],
    archives: () =>
      readdirSync(path)
        .filter((name) => name.endsWith('.tar'))
        .map((name) => join(path, name)),
  };
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

/** Says what Home Assistant is at, once for each stage. */
function follow(): (event: Answer) => void {
  let told = '';
  return (event) => {
    const now = event.stage ?? '';
    if (now === '' || now === told) return;
    told = now;
    tell(`  … ${String(now).replaceAll('_', ' ')}`);
  };
}

/** What a person does once in our page: a password, and the way into Home Assistant. */
async function moveIn(home: HomeAssistant, core: CoreProcess): Promise<void> {
  const person = new Person(core.url);
  await person.setUp(core.setupCode(), PAGE_PASSWORD);
  const access = { url: home.url, token: home.token };
  const { state } = await person.call<HomeAssistantDocument>('PUT', PATHS.home_assistant, access);
  if (state !== 'connected') throw new Error(`Homestash's way into Home Assistant is ${state}`);
}

async function createBackup(home: HomeAssistant, core: CoreProcess, place: Place) {
  writeFileSync(join(home.configDir, 'photos.bin'), randomBytes(BALLAST_BYTES));
  tell(`Home Assistant makes a backup of itself, with ${megabytes(BALLAST_BYTES)} of photos:`);
  const agent = agentId(place.target);
  const { backup, outcome } = await during(
    'creating the backup',
    () => home.backups.create({ agentIds: [agent], name: BACKUP_NAME, onEvent: follow() }),
    ({ outcome }) => `Home Assistant says: ${outcome.state}`,
  );
  if (!backup) throw new Error(`the backup was not stored: ${JSON.stringify(outcome)}`);
  const operation = (await core.client.operations()).find(({ kind }) => kind === 'upload');
  if (operation?.state !== 'succeeded' || !operation.ended_at)
    throw new Error('Homestash knows of no upload');
  const tookMs = Date.parse(operation.ended_at) - Date.parse(operation.started_at);
  tell(
    `  Of that, sending it through Homestash to ${place.words}: ` +
      `${megabytes(operation.done)} in ${seconds(tookMs)}, ${speed(operation.done, tookMs)}`,
  );
  return { id: backup.backup_id, agent };
}

/** Is what comes down what lies there? Each is summed on its own. */
async function compare(home: HomeAssistant, backup: { id: string; agent: string }, place: Place) {
  tell('And back again:');
  const download = await home.backups.download(backup.id, backup.agent);
  if (download.status !== 200)
    throw new Error(`Home Assistant answered the download with ${download.status}`);
  const tookMs = download.seconds * 1000;
  tell(
    `  Downloaded through Home Assistant: ${megabytes(download.size)} in ${seconds(tookMs)}, ` +
      speed(download.size, tookMs),
  );
  const [archive, ...more] = place.archives();
  if (!archive || more.length > 0) throw new Error(`${place.words} does not hold exactly one archive`);
  const stored = await sha256Of(archive);
  const stood = `in ${place.words}:`;
  const came = 'as it came down:';
  tell(`  SHA-256 ${stood.padEnd(came.length)} ${stored}`);
  tell(`  SHA-256 ${came.padEnd(stood.length)} ${download.sha256}`);
  if (stored !== download.sha256) throw new Error('the two differ');
  tell('  They are equal: the backup is safe and comes back.');
}

async function run(stage: Stage): Promise<{ home: HomeAssistant; core: CoreProcess; place: Place }> {
  tell('Starting the parts:');
  await during(
    'building the page',
    () => buildWeb(join(repositoryRoot, 'dist/web')),
    () => "Homestash's page is built",
  );
  const starting = [
    during(
      'starting Homestash',
      () => stage.core(),
      ({ url }) => `Homestash listens at ${url}`,
    ),
    during(
      'starting Home Assistant',
      () => stage.home({ owner: OWNER }),
      ({ url }) => `Home Assistant ${version('HOME_ASSISTANT_VERSION')} runs at ${url}, with an owner`,
    ),
  ] as const;
  // Both are heard to their end, so that the first to fail does not leave the other one alone.
  await Promise.allSettled(starting);
  const [core, home] = await Promise.all(starting);
  const place = haveVersitygw() ? await addBucket(stage, core) : await takeFolder(core);
  await during(
    'pairing',
    () => pairWithHomeAssistant(home, core),
    () => `Paired with a code: "${place.target.name}" is a location under Settings → System → Backups`,
  );
  await during(
    'connecting back',
    () => moveIn(home, core),
    () => 'Homestash is connected to Home Assistant, too, and follows its schedule',
  );
  const backup = await createBackup(home, core, place);
  await compare(home, backup, place);
  return { home, core, place };
}

function showAround({ home, core, place }: Awaited<ReturnType<typeof run>>): void {
  tell();
  tell('Have a look:');
  for (const line of [
    `Home Assistant  ${home.url}/config/backup  user ${OWNER.username}  password ${OWNER.password}`,
    `Homestash       ${core.url}/  password ${PAGE_PASSWORD}`,
    `  its API       ${core.url}/api/openapi.json`,
    ...place.look,
  ]) {
    tell(`  ${line}`);
  }
  tell();
  tell('Ctrl-C ends everything and removes what it has written.');
}

const stage = new Stage('demo');
let passed = false;
let leave: () => void = () => process.exit(EXIT_INTERRUPTED);
// Whenever it ends: the harness ends the children and removes what they have written.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => leave());

try {
  const shown = await run(stage);
  passed = true;
  if (!process.argv.includes('--once')) {
    showAround(shown);
    await new Promise<void>((resolve) => {
      // Whoever is impatient and asks twice is heard.
      leave = () => {
        leave = () => process.exit(0);
        resolve();
      };
      // Signals alone do not keep a program alive.
      setInterval(() => undefined, 2 ** 30);
    });
  }
} catch (error) {
  tell(`The demo has FAILED: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Error && error.cause) tell(`  because: ${String(error.cause)}`);
}
tell('Stopping …');
await stage.close();
process.exit(passed ? 0 : 1);

import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cacheDir, haveVersitygw, repositoryRoot, version } from '../harness/cache.ts';
import { Person } from '../harness/person.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

const RUN_TIMEOUT_MS = 240_000;

describe('script/demo', () => {
  const stage = new Stage('demo-test');
  afterAll(() => stage.close());

  function demo(args: string[], env: Record<string, string> = {}) {
    const temporary = stage.path('tmp');
    mkdirSync(temporary);
    const child = spawn(join(repositoryRoot, 'script/demo'), args, {
      env: { ...process.env, TMPDIR: temporary, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk;
      });
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal));
    });
    return {
      child,
      ended,
      output: () => output,
      /** What it has left behind, compile caches of Node aside. */
      left: () => readdirSync(temporary).filter((name) => name.startsWith('homestash')),
      says: (text: string) =>
        waitFor(
          `"${text}" in the output`,
          () => {
            if (child.exitCode !== null) throw new Error(`it has ended: ${output}`);
            return output.includes(text);
          },
          { timeoutMs: RUN_TIMEOUT_MS },
        ),
    };
  }

  test.skipIf(!haveVersitygw())(
    'runs the main job, stays up to be looked at, and leaves nothing behind',
    async () => {
      const run = demo([]);
      await run.says('Ctrl-C ends everything');
      expect(run.output()).toContain('They are equal');
      const url = /Home Assistant {2}(http:\/\/[^/]+)/.exec(run.output())?.[1] ?? '';
      expect((await fetch(url)).status).toBe(200);
      const [, page = '', password = ''] =
        /Homestash {7}(http:\S+)\/ {2}password (.+)/.exec(run.output()) ?? [];
      expect(await (await fetch(page)).text()).toContain('<title>Homestash</title>');
      expect((await new Person(page).signIn(password)).state).toBe('signed_in');
      run.child.kill('SIGINT');
      expect(await run.ended).toBe(0);
      await expect(fetch(url)).rejects.toThrow('fetch failed');
      expect(run.left()).toEqual([]);
    },
  );

  test('takes a folder where there is no Go, says so, and ends after the comparison with --once', async () => {
    // What `script/bootstrap` brings without Go: all but the S3 servers.
    const cache = stage.path('cache');
    mkdirSync(cache);
    const homeAssistant = `home-assistant-${version('HOME_ASSISTANT_VERSION')}`;
    symlinkSync(join(cacheDir, homeAssistant), join(cache, homeAssistant));
    const run = demo(['--once'], { HOMESTASH_CACHE: cache, HOMESTASH_GO: 'no-go' });
    expect(await run.ended, run.output()).toBe(0);
    expect(run.output()).toContain('no Go on this machine');
    expect(run.output()).toContain('They are equal');
    expect(run.left()).toEqual([]);
  });

  test('says how it went when it is interrupted, and ends what it has started', async () => {
    const run = demo(['--once']);
    await run.says('Homestash listens at');
    const url = /Homestash listens at (\S+)/.exec(run.output())?.[1] ?? '';
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(130);
    await waitFor('Homestash to be gone', () =>
      fetch(url).then(
        () => false,
        () => true,
      ),
    );
    expect(run.left()).toEqual([]);
  });
});

import { expect, test } from 'vitest';
import { PATHS } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { wordProblem } from '../../src/kernel/texts.ts';
import { connectedHome, NO_BROKER, OWN_BROKER, token } from './settings-core.ts';
import { hoursAgo, target } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';

const stage = Stage.set();

const last = () => stage.core.deeds.at(-1);

inBrowser('the way into Home Assistant', () => {
  test('is tried before it is kept, with the hint of what went wrong, and nothing typed is lost', async () => {
    stage.core.on(`PUT ${PATHS.home_assistant}`, () => {
      throw new Problem('home_assistant_refused');
    });
    const visitor = await stage.visit({ path: '/settings/home-assistant' });
    const { page } = visitor;
    await page.getByRole('heading', { name: 'Homestash is not connected to Home Assistant.' }).waitFor();
    await page.getByLabel('Address').fill('homeassistant.local');
    await page.getByText('An address such as http://homeassistant.local:8123').waitFor();
    await page.getByLabel('Address').fill('http://homeassistant.local:8123');
    await page.getByLabel('Long-lived access token', { exact: true }).fill('abc.def');
    await page.getByRole('button', { name: 'Try and connect' }).click();
    await page.getByRole('alert').getByText('Create a new long-lived access token').waitFor();
    await visitor.expectGood();
    expect(await page.getByLabel('Long-lived access token', { exact: true }).inputValue()).toBe('abc.def');
    const trying = Promise.withResolvers<void>();
    stage.core.on(`PUT ${PATHS.home_assistant}`, async () => {
      await trying.promise;
      stage.core.on(`GET ${PATHS.home_assistant}`, () => connectedHome());
      return connectedHome();
    });
    await page.getByRole('button', { name: 'Try and connect' }).click();
    await page.getByRole('status').getByText('Trying the connection.').waitFor();
    trying.resolve();
    await page.getByRole('heading', { name: 'Connected to the Home Assistant “Home”.' }).waitFor();
    expect(last()?.body).toEqual({ url: 'http://homeassistant.local:8123', token: 'abc.def' });
    expect(await page.getByRole('button', { name: 'Try and connect' }).count()).toBe(0);
  });

  test('is changed, or given up after a question', async () => {
    let home = connectedHome();
    stage.core.on(`GET ${PATHS.home_assistant}`, () => home);
    stage.core.on(`DELETE ${PATHS.home_assistant}`, () => {
      home = { ...home, state: 'off', via: null, url: null, home: null, backups: null };
      return home;
    });
    const { page } = await stage.visit({ path: '/settings/home-assistant' });
    await page.getByRole('button', { name: 'Change' }).click();
    expect(await page.getByLabel('Address').inputValue()).toBe('http://homeassistant.local:8123');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Disconnect' }).click();
    const dialog = page.getByRole('dialog', { name: 'Disconnect from Home Assistant?' });
    await dialog.getByText('Home Assistant still sends its backups.').waitFor();
    await dialog.getByRole('button', { name: 'Disconnect' }).click();
    await page.getByRole('heading', { name: 'Homestash is not connected to Home Assistant.' }).waitFor();
  });

  test('through the Supervisor there is nothing to enter', async () => {
    stage.core.on(`GET ${PATHS.home_assistant}`, () => connectedHome({ via: 'supervisor', url: null }));
    const { page } = await stage.visit({ path: '/settings/home-assistant' });
    await page.getByText('There is nothing to set.').waitFor();
    expect(await page.getByRole('textbox').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Disconnect' }).count()).toBe(0);
  });

  test('that is broken says why, and what was last heard stays', async () => {
    stage.core.on(`GET ${PATHS.home_assistant}`, ({ language }) =>
      connectedHome({
        state: 'refused',
        problem: wordProblem(new Problem('home_assistant_refused'), language),
      }),
    );
    const { page } = await stage.visit({ path: '/settings/home-assistant' });
    await page.getByRole('heading', { name: 'Home Assistant refuses the access of Homestash.' }).waitFor();
    await page.getByRole('main').getByRole('alert').waitFor();
    await page.getByText('Every day at 04:45').waitFor();
  });
});

inBrowser("Home Assistant's own backups", () => {
  test.for([
    [{ recurrence: 'never' }, {}, 'Never: they are switched off there'],
    [{ recurrence: 'custom_days', days: ['thu', 'mon'], time: null }, {}, 'On Monday and Thursday'],
    [{}, { last_result: { outcome: 'failed', reason: null, at: hoursAgo(2) } }, 'Failed 2 hours ago'],
    [{ next: null, last_completed: null }, {}, 'None is planned'],
    [{}, { state: 'create_backup' }, 'Home Assistant is making a backup.'],
  ] as const)('stand there in words: %j %j', async ([schedule, more, words]) => {
    const { backups } = connectedHome();
    stage.core.on(`GET ${PATHS.home_assistant}`, () =>
      connectedHome({}, { ...more, schedule: { ...backups?.schedule, ...schedule } } as never),
    );
    const { page } = await stage.visit({ path: '/settings/home-assistant' });
    await page.getByText(words).first().waitFor();
  });

  test('go to a location, or no longer', async () => {
    let home = connectedHome();
    stage.core.on(`GET ${PATHS.home_assistant}`, () => home);
    stage.core.on(`PUT ${PATHS.home_assistant_automatic}`, ({ body }) => {
      const { agent_id, enabled } = body as { agent_id: string; enabled: boolean };
      const locations = (home.backups?.locations ?? []).map((place) =>
        place.agent_id === agent_id ? { ...place, automatic: enabled } : place,
      );
      home = connectedHome({}, { locations });
      return home;
    });
    const { page } = await stage.visit({ path: '/settings/home-assistant' });
    const cellar = page.getByRole('checkbox', { name: 'NAS in the cellar' });
    // ours come first
    expect(await page.getByRole('checkbox').last().getAttribute('id')).toBe('location-hassio.local');
    await cellar.check();
    await page.getByText('Automatic backups go to NAS in the cellar from now on.').waitFor();
    expect(last()?.body).toMatchObject({ agent_id: 'homestash.unique-2', enabled: true });
    stage.core.on(`PUT ${PATHS.home_assistant_automatic}`, () => {
      throw new Problem('home_assistant_busy');
    });
    await cellar.click();
    await page.getByRole('alert').getByText('Home Assistant is already busy').waitFor();
    // the switch shows what is
    await expect.poll(() => cellar.isChecked()).toBe(true);
  });
});

inBrowser('a Home Assistant that makes no backups by itself', () => {
  test('is asked for what that needs when one of our locations is switched on', async () => {
    const { backups } = connectedHome();
    const schedule = { ...backups?.schedule, recurrence: 'never', next: null };
    stage.core.on(`GET ${PATHS.home_assistant}`, () => connectedHome({}, { schedule } as never));
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [target({ unique_id: 'unique-2' })] }));
    stage.core.on(`PUT ${PATHS.home_assistant_automatic}`, ({ body }) => {
      if (!(body as { key?: string }).key) throw new Problem('home_assistant_no_key');
    });
    const { page } = await stage.visit({ path: '/settings/home-assistant' });
    const cellar = page.getByRole('checkbox', { name: 'NAS in the cellar' });
    await cellar.click();
    const dialog = page.getByRole('dialog', { name: 'Back up automatically' });
    await dialog.getByRole('button', { name: 'Later' }).click();
    await expect.poll(() => cellar.isChecked()).toBe(false);
    await cellar.click();
    await dialog.getByRole('button', { name: 'Use for automatic backups' }).click();
    await dialog.getByText('Home Assistant has no key for its backups yet.').waitFor();
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('button', { name: 'Use for automatic backups' }).click();
    await expect
      .poll(() => last()?.body)
      .toEqual({
        agent_id: 'homestash.unique-2',
        enabled: true,
        schedule: true,
        key: expect.stringMatching(/^([A-Z0-9]{4}-){6}[A-Z0-9]{4}$/),
      });
  });
});

inBrowser('MQTT', () => {
  test('a broker is tried before it is used, and forgotten after a question', async () => {
    stage.core.on(`PUT ${PATHS.mqtt}`, () => {
      throw new Problem('mqtt_password');
    });
    const { page } = await stage.visit({ path: '/settings/mqtt' });
    await page.getByRole('heading', { name: 'No MQTT broker is used.' }).waitFor();
    await page.getByLabel('Address').fill('http://192.168.1.2');
    await page.getByText('An address such as mqtt://192.168.1.2:1883').waitFor();
    await page.getByLabel('Address').fill('mqtt://192.168.1.2:1883');
    await page.getByLabel('User').fill('homestash');
    await page.getByLabel('Password (optional)', { exact: true }).fill('secret');
    await page.getByRole('button', { name: 'Try and use' }).click();
    await page.getByRole('alert').getByText('does not accept this username and password').waitFor();
    stage.core.on(`PUT ${PATHS.mqtt}`, () => {
      stage.core.on(`GET ${PATHS.mqtt}`, () => OWN_BROKER);
      return OWN_BROKER;
    });
    await page.getByRole('button', { name: 'Try and use' }).click();
    await page.getByRole('heading', { name: 'Homestash is connected to the MQTT broker.' }).waitFor();
    expect(last()?.body).toEqual({
      url: 'mqtt://192.168.1.2:1883',
      username: 'homestash',
      password: 'secret',
      ca_certificate: '',
      client_certificate: '',
      client_key: '',
      discovery_prefix: 'homeassistant',
    });
    stage.core.on(`DELETE ${PATHS.mqtt}`, () => {
      stage.core.on(`GET ${PATHS.mqtt}`, () => NO_BROKER);
      return NO_BROKER;
    });
    await page.getByRole('button', { name: 'Stop using it' }).click();
    const dialog = page.getByRole('dialog', { name: 'Stop using the broker mqtt://192.168.1.2:1883?' });
    await dialog.getByRole('button', { name: 'Stop using it' }).click();
    await page.getByRole('heading', { name: 'No MQTT broker is used.' }).waitFor();
    expect(await page.getByLabel('Address').inputValue()).toBe('');
  });

  test('what Home Assistant sees stands there with its values', async () => {
    stage.core.on(`GET ${PATHS.mqtt}`, () => OWN_BROKER);
    const visitor = await stage.visit({ path: '/settings/mqtt' });
    const { page } = visitor;
    await page.getByText('Backblaze').click();
    const facts = page.locator('details[open] dl');
    expect((await facts.innerText()).split('\n').filter((line) => line !== '')).toEqual([
      ...['Problem', 'No', 'Used space', '41.23 GB', 'Last error', 'unknown', 'Back up now', 'button'],
    ]);
    await visitor.expectGood();
  });

  test('a password that is kept is not asked for again, for the same broker', async () => {
    stage.core.on(`GET ${PATHS.mqtt}`, () => OWN_BROKER);
    stage.core.on(`PUT ${PATHS.mqtt}`, () => OWN_BROKER);
    const { page } = await stage.visit({ path: '/settings/mqtt' });
    await page.getByPlaceholder('Kept as it is').waitFor();
    await page.getByRole('button', { name: 'Try and use' }).click();
    await page.getByText('The MQTT broker is used from now on.').waitFor();
    expect(Object.keys(last()?.body as object)).not.toContain('password');
    await page.getByLabel('Address').fill('mqtt://192.168.1.3');
    expect(await page.getByPlaceholder('Kept as it is').count()).toBe(0);
    await page.getByRole('button', { name: 'Try and use' }).click();
    await expect.poll(() => last()?.body).toMatchObject({ url: 'mqtt://192.168.1.3', password: '' });
  });

  test('the broker of Home Assistant stands there, with what is wrong', async () => {
    stage.core.on(`GET ${PATHS.mqtt}`, ({ language }) => ({
      ...OWN_BROKER,
      source: 'supervisor',
      state: 'failed',
      problem: wordProblem(new Problem('mqtt_refused', { params: { host: 'core-mosquitto' } }), language),
    }));
    const { page } = await stage.visit({ path: '/settings/mqtt' });
    await page.getByRole('heading', { name: 'The MQTT broker cannot be used at the moment.' }).waitFor();
    await page.getByRole('alert').getByText('core-mosquitto').waitFor();
    await page.getByRole('heading', { name: 'Use a broker of your own' }).waitFor();
    expect(await page.getByRole('button', { name: 'Stop using it' }).count()).toBe(0);
  });
});

inBrowser('pairing', () => {
  /** Codes that end so many seconds from now, by the clock of the core. */
  const codes = (seconds: number) => {
    let made = 0;
    stage.core.on(`POST ${PATHS.pairing_codes}`, ({ body }) => {
      made += 1;
      const { url = 'http://192.168.1.5:8098' } = body as { url?: string };
      return { code: `CODE-${made}`, url, expires_at: hoursAgo(-seconds / 3600) };
    });
  };

  test('a code is made, counted down, made anew with another address, and gone when it was used', async () => {
    codes(15 * 60);
    const visitor = await stage.visit({ path: '/settings/pairing' });
    const { page } = visitor;
    await page.getByRole('button', { name: 'Make a pairing code' }).click();
    await page.getByText('CODE-1').waitFor();
    await page
      .getByRole('timer')
      .getByText(/^(15:0[01]|14:5\d)$/)
      .waitFor();
    await visitor.expectGood();
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied.').waitFor();
    await page.getByText('Home Assistant uses http://192.168.1.5:8098').click();
    await page.getByLabel('Address of Homestash').fill('homestash.local');
    await page.getByText('An address such as http://192.168.1.2:8098.').waitFor();
    await page.getByLabel('Address of Homestash').fill('http://homestash.local:8098');
    await page.getByRole('button', { name: 'Make a code with this address' }).click();
    await page.getByText('CODE-2').waitFor();
    await page.getByText('Home Assistant uses http://homestash.local:8098').waitFor();
    stage.core.on(`GET ${PATHS.tokens}`, () => ({ tokens: [token({ last_used_at: null })] }));
    stage.core.tell({ event: 'tokens_changed' });
    await page.getByText('The code was used: it is paired.').waitFor();
    await page.getByRole('heading', { name: 'One program has access to this Homestash.' }).waitFor();
    await page.getByText('never used').waitFor();
    expect(await page.getByText('CODE-2').count()).toBe(0);
  });

  test('a code that has expired says so, whatever the clock of the browser says', async () => {
    codes(2);
    const { page } = await stage.visit({ path: '/settings/pairing' });
    await page.getByRole('button', { name: 'Make a pairing code' }).click();
    await page.getByText('The code has expired.').waitFor();
    expect(await page.getByText('CODE-1').count()).toBe(0);
    codes(15 * 60);
    await page.clock.setSystemTime(Date.now() + 3_600_000);
    await page.getByRole('button', { name: 'Make a pairing code' }).click();
    await page
      .getByRole('timer')
      .getByText(/^(15:0[01]|14:5\d)$/)
      .waitFor();
  });

  test('revoking names what ends, and what stays', async () => {
    let tokens = [token(), token({ id: 'token2', name: 'Dashboard' })];
    stage.core.on(`GET ${PATHS.tokens}`, () => ({ tokens }));
    stage.core.on(`DELETE ${PATHS.token}`, ({ params }) => {
      tokens = tokens.filter(({ id }) => id !== params.token_id);
    });
    const visitor = await stage.visit({ path: '/settings/pairing' });
    const { page } = visitor;
    await page.getByRole('button', { name: 'Revoke: Dashboard' }).click();
    const dialog = page.getByRole('dialog', { name: 'Revoke the access of “Dashboard”?' });
    await dialog.getByText('until a pairing code is made').waitFor();
    await visitor.expectGood();
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('“Dashboard” no longer has access.').waitFor();
    expect(await page.getByRole('button', { name: /^Revoke/ }).count()).toBe(1);
  });
});

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, repositoryRoot } from './cache.ts';
import type { Mosquitto } from './mosquitto.ts';
import { failedStart, Program } from './process.ts';
import { temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

// It loads thousands of definitions of devices.
const START_TIMEOUT_MS = 120_000;

const program = installed('zigbee2mqtt', 'ZIGBEE2MQTT_VERSION', 'node_modules/zigbee2mqtt/index.js');
const radio = join(repositoryRoot, 'test/simulators/devices/zigbee2mqtt-radio.cjs');

/** Is it there? Without npm it is not. */
export const haveZigbee2Mqtt = (): boolean => program !== undefined;

/** Of its coordinator, which is simulated. */
export const COORDINATOR = '0x00124b0012345678';

/** The key of its network, as it stands in its settings and as its coordinator gives it. */
export const NETWORK_KEY = [11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121, 132, 143, 154, 165, 176];

interface Zigbee2MqttOptions {
  readonly broker: Mosquitto;
  readonly base?: string;
  readonly user?: string;
  readonly password?: string;
  /** What its coordinator does when it is asked for a backup; it gives one unless given. */
  readonly radio?: 'none' | 'broken';
}

const coordinator = (ieeeAddr: string) => ({
  ...{ id: 1, type: 'Coordinator', ieeeAddr, nwkAddr: 0, manufId: 0, interviewCompleted: true, meta: {} },
  interviewState: 'SUCCESSFUL',
  epList: [1],
  endpoints: {
    1: { profId: 260, epId: 1, devId: 5, inClusterList: [], outClusterList: [], clusters: {}, binds: [] },
  },
});

const bulb = {
  ...{ id: 2, type: 'Router', ieeeAddr: '0x000b57fffec6a5b3', nwkAddr: 40_399, manufId: 4476 },
  ...{
    manufName: 'IKEA of Sweden',
    modelId: 'TRADFRI bulb E27 WS opal 980lm',
    powerSource: 'Mains (single phase)',
  },
  ...{ interviewCompleted: true, interviewState: 'SUCCESSFUL', meta: {}, lastSeen: 1_700_000_000_000 },
  epList: [1],
  endpoints: {
    1: { profId: 260, epId: 1, devId: 258, inClusterList: [], outClusterList: [], clusters: {}, binds: [] },
  },
};

function settings({ broker, base = 'zigbee2mqtt', user, password }: Zigbee2MqttOptions): string {
  const key = NETWORK_KEY.map((byte) => `    - ${byte}\n`).join('');
  return `version: 5
mqtt:
  base_topic: ${base}
  server: ${broker.url}
${user ? `  user: ${user}\n  password: ${password}\n` : ''}serial:
  port: /dev/null
  adapter: zstack
advanced:
  channel: 11
  pan_id: 6754
  network_key:
${key}  ext_pan_id: [221, 221, 221, 221, 221, 221, 221, 221]
frontend:
  enabled: false
homeassistant:
  enabled: false
devices:
  '0x000b57fffec6a5b3':
    friendly_name: lamp in the hall
`;
}

/** A real Zigbee2MQTT with a radio that is simulated, and one lamp. */
export class Zigbee2Mqtt {
  /** Its data folder. */
  readonly dir = temporaryFolder('zigbee2mqtt');
  readonly #program: Program;
  readonly #options: Zigbee2MqttOptions;

  constructor(options: Zigbee2MqttOptions) {
    if (program === undefined) throw new Error('Zigbee2MQTT is missing: run script/bootstrap zigbee2mqtt');
    this.#options = options;
    writeFileSync(join(this.dir, 'configuration.yaml'), settings(options));
    writeFileSync(
      join(this.dir, 'database.db'),
      [coordinator(COORDINATOR), bulb].map((line) => JSON.stringify(line)).join('\n'),
    );
    writeFileSync(join(this.dir, 'state.json'), '{}');
    for (const folder of ['log', 'ota', 'external_converters']) mkdirSync(join(this.dir, folder));
    writeFileSync(join(this.dir, 'log/old.log'), 'a log\n');
    writeFileSync(join(this.dir, 'ota/lamp.ota'), 'firmware\n');
    writeFileSync(join(this.dir, 'external_converters/own.js'), 'module.exports = [];\n');
    this.#program = new Program({
      command: process.execPath,
      args: ['--require', radio, program],
      env: {
        HOME: this.dir,
        ZIGBEE2MQTT_DATA: this.dir,
        ZIGBEE2MQTT_PROGRAM: program,
        Z2M_ONBOARD_NO_SERVER: '1',
        ...(options.radio && { RADIO_BACKUP: options.radio }),
      },
      cwd: this.dir,
      logFile: join(temporaryFolder('log'), 'output.log'),
    });
  }

  async start(): Promise<void> {
    this.#program.start();
    const { base = 'zigbee2mqtt', broker } = this.#options;
    try {
      await waitFor(
        'Zigbee2MQTT to be online',
        async () => (await broker.retained(`${base}/bridge/#`))[`${base}/bridge/info`] !== undefined,
        { timeoutMs: START_TIMEOUT_MS },
      );
    } catch (error) {
      await failedStart(this.#program, 'Zigbee2MQTT', error);
    }
  }

  /** As its service is stopped. */
  async stop(): Promise<void> {
    await this.#program.stop();
  }

  /** As in a power cut: its broker says that it is gone. */
  async kill(): Promise<void> {
    await this.#program.kill9();
  }

  log(): string {
    return this.#program.log();
  }
}

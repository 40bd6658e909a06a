import { Problem } from '../kernel/errors.ts';
import type { DeviceHandler } from './handler.ts';
import { esphome } from './handlers/esphome.ts';
import { fritzbox } from './handlers/fritzbox.ts';
import { http } from './handlers/http.ts';
import { nodeRed } from './handlers/node-red.ts';
import { octoprint } from './handlers/octoprint.ts';
import { opnsense } from './handlers/opnsense.ts';
import { rsync } from './handlers/rsync.ts';
import { sftp } from './handlers/sftp.ts';
import { shelly } from './handlers/shelly.ts';
import { ssh } from './handlers/ssh.ts';
import { tasmota } from './handlers/tasmota.ts';
import { wled } from './handlers/wled.ts';
import { zigbee2mqtt } from './handlers/zigbee2mqtt.ts';

/** Every kind of device; a new one is a new file and a line here. */
export const DEVICE_HANDLERS: readonly DeviceHandler[] = [
  // one a line, in the order of their names
  esphome,
  fritzbox,
  http,
  nodeRed,
  octoprint,
  opnsense,
  rsync,
  sftp,
  shelly,
  ssh,
  tasmota,
  wled,
  zigbee2mqtt,
];

/** The handler of a kind. @throws Problem `device_kind_unknown` */
export function handlerOf(kind: string): DeviceHandler {
  const found = DEVICE_HANDLERS.find((handler) => handler.kind === kind);
  if (!found) throw new Problem('device_kind_unknown', { params: { kind } });
  return found;
}

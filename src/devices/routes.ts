import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import {
  Adoption,
  AdoptionRequest,
  Artefact,
  ArtefactList,
  ArtefactPatch,
  Device,
  DeviceImport,
  DeviceImportRequest,
  DeviceInput,
  DeviceKindList,
  DeviceList,
  DevicePatch,
  DeviceTest,
  DeviceTestRequest,
  Difference,
  DiscoverRequest,
  FoundDevices,
  Id,
  Mirror,
  PATHS,
  RestoreBegun,
  RestorePlan,
} from '../contract/index.ts';
import { jsonRoute, type Route, streamRoute } from '../kernel/http/route.ts';
import { chooseLanguage } from '../kernel/texts.ts';
import type { Adoptions } from './adoption.ts';
import type { Devices } from './devices.ts';
import type { Discovery } from './discovery.ts';
import type { History } from './history.ts';
import type { DeviceImports } from './import.ts';
import { kindsIn } from './kinds.ts';
import type { MirrorPlan } from './mirror.ts';
import type { Restorer } from './restorer.ts';

interface DeviceRoutesOptions {
  readonly devices: Devices;
  readonly history: History;
  readonly restorer: Restorer;
  readonly imports: DeviceImports;
  readonly discovery: Discovery;
  readonly mirror: MirrorPlan;
  readonly adoptions: Adoptions;
}

const DeviceParams = v.object({ device_id: Id });
const ArtefactParams = v.object({ device_id: Id, artefact_id: Id });
const FileParams = v.object({
  device_id: Id,
  artefact_id: Id,
  number: v.pipe(v.string(), v.regex(/^\d{1,6}$/, 'a number'), v.transform(Number)),
});
const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits'));

type Header = (name: string) => string | undefined;
const languageOf = (header: Header) => chooseLanguage(header('accept-language'));

/** The HTTP side of devices. */
export function deviceRoutes(options: DeviceRoutesOptions): Route[] {
  return [
    ...deviceListRoutes(options),
    // before the routes of one device, whose id would else be "mirror"
    ...mirrorRoutes(options),
    ...oneDeviceRoutes(options),
    ...artefactRoutes(options),
  ];
}

function deviceListRoutes({ devices, imports, discovery }: DeviceRoutesOptions): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.device_kinds,
      summary: 'List the kinds of devices whose configuration can be kept, with what each asks for',
      response: DeviceKindList,
      handle: async ({ header }) => ({ kinds: kindsIn(languageOf(header)) }),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.devices,
      summary: 'List the devices',
      response: DeviceList,
      handle: async ({ header }) => ({ devices: await devices.list(languageOf(header)) }),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.devices,
      summary: 'Add a device; it is tried before it is saved, and backed up at once',
      body: DeviceInput,
      response: Device,
      status: 201,
      handle: ({ body, header, signal }) => devices.create(body, languageOf(header), signal),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.device_test,
      summary: 'Try settings without saving them, and say which device answers',
      body: DeviceTestRequest,
      response: DeviceTest,
      handle: ({ body, header, signal }) => devices.test(body, languageOf(header), signal),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.device_import,
      summary: 'Add devices from a table, or say what would come of it',
      body: DeviceImportRequest,
      response: DeviceImport,
      handle: ({ body, header, signal }) => imports.run(body, languageOf(header), signal),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.device_discover,
      summary: 'Look for devices: in the network, in Home Assistant, or at given addresses',
      body: DiscoverRequest,
      response: FoundDevices,
      handle: ({ body, header, signal }) => discovery.run(body.addresses, languageOf(header), signal),
    }),
  ];
}

function oneDeviceRoutes({ devices }: DeviceRoutesOptions): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.device,
      summary: 'Read a device',
      params: DeviceParams,
      response: Device,
      handle: ({ params, header }) => devices.get(params.device_id, languageOf(header)),
    }),
    jsonRoute({
      method: 'PATCH',
      path: PATHS.device,
      summary: 'Change a device; new settings are tried before they are saved',
      params: DeviceParams,
      body: DevicePatch,
      response: Device,
      handle: ({ params, body, header, signal }) =>
        devices.update(params.device_id, body, languageOf(header), signal),
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.device,
      summary: 'Forget a device and all that was saved of it',
      params: DeviceParams,
      handle: ({ params }) => devices.remove(params.device_id),
    }),
  ];
}

function artefactRoutes({ devices, history, restorer }: DeviceRoutesOptions): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.device_artefacts,
      summary: 'List the saved configurations of a device, newest first',
      params: DeviceParams,
      response: ArtefactList,
      handle: async ({ params, header }) => {
        await devices.row(params.device_id);
        return history.list(params.device_id, languageOf(header));
      },
    }),
    jsonRoute({
      method: 'PATCH',
      path: PATHS.device_artefact,
      summary: 'Keep a saved configuration for good, or no longer',
      params: ArtefactParams,
      body: ArtefactPatch,
      response: Artefact,
      handle: ({ params, body, header }) =>
        history.pin(params.device_id, params.artefact_id, body.pinned, languageOf(header)),
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.device_artefact,
      summary: 'Delete a saved configuration; the newest good one stays',
      params: ArtefactParams,
      handle: ({ params }) => history.delete(params.device_id, params.artefact_id),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.device_difference,
      summary: 'Say what is different in a saved configuration, against another or the one before it',
      params: ArtefactParams,
      query: v.object({ from: v.optional(Id) }),
      response: Difference,
      handle: async ({ params, query }) =>
        history.difference(await devices.row(params.device_id), params.artefact_id, query.from),
    }),
    streamRoute({
      method: 'GET',
      path: PATHS.device_file,
      summary: 'Download a file of a saved configuration',
      params: FileParams,
      streams: 'out',
      contentType: 'application/octet-stream',
      handle: async ({ params, signal }, _request, response) => {
        const { row, open } = await history.file(params.device_id, params.artefact_id, params.number);
        const stream = await open();
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-length': row.size,
          // the name was made here, of plain signs only
          'content-disposition': `attachment; filename="${row.stored_as}"`,
          'x-content-type-options': 'nosniff',
          'cache-control': 'no-store',
        });
        await pipeline(stream, response, { signal });
      },
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.device_restore,
      summary: 'Ask whether a saved configuration can go back onto the device as it is now',
      params: ArtefactParams,
      response: RestorePlan,
      handle: async ({ params, header, signal }) =>
        restorer.plan(await devices.row(params.device_id), params.artefact_id, languageOf(header), signal),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.device_restore,
      summary: 'Write a saved configuration back onto the device',
      params: ArtefactParams,
      response: RestoreBegun,
      status: 202,
      handle: async ({ params }) => ({
        operation_id: await restorer.begin(await devices.row(params.device_id), params.artefact_id),
      }),
    }),
  ];
}

function mirrorRoutes({ mirror, adoptions }: DeviceRoutesOptions): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.device_mirror,
      summary: 'Say which files belong into the backups of Home Assistant',
      response: Mirror,
      handle: () => mirror.read(),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.device_adoptions,
      summary: 'Offer what Home Assistant kept of devices that are not known here',
      body: AdoptionRequest,
      response: Adoption,
      handle: ({ body }) => adoptions.offer(body.devices),
    }),
    streamRoute({
      method: 'PUT',
      path: PATHS.device_adoption,
      summary: 'Bring a file that was wanted',
      params: v.object({ sha256: Sha256 }),
      streams: 'in',
      contentType: 'application/octet-stream',
      response: Adoption,
      handle: async ({ params, signal }, request, response) => {
        const still = await adoptions.take(params.sha256, request, signal);
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(still));
      },
    }),
  ];
}

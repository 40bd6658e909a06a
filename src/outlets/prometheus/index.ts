import * as v from 'valibot';
import { PATHS } from '../../contract/index.ts';
import { type DeviceDescription, deviceOf, type EntityDescription } from '../../kernel/entities.ts';
import type { Feature } from '../../kernel/feature.ts';
import { streamRoute } from '../../kernel/http/route.ts';
import type { State } from '../../kernel/state.ts';
import { wordEntity } from '../../kernel/texts.ts';
import { exposition, type Family } from './exposition.ts';

interface PrometheusOptions {
  readonly state: State;
  readonly devices: readonly DeviceDescription[];
  readonly version: string;
  /** How many operations of a kind have ended in which way since the start. */
  readonly ended: () => readonly { readonly kind: string; readonly state: string; readonly count: number }[];
}

/** As Prometheus asks for it (exposition format 0.0.4). */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Measured = Extract<EntityDescription, { readonly metric?: string }>;

/** A value as a number: moments in seconds since 1970, yes and no as 1 and 0; undefined where it is not known. */
function numberOf(value: unknown, entity: Measured): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (entity.platform === 'sensor' && entity.deviceClass === 'timestamp') {
    const ms = Date.parse(String(value));
    return Number.isNaN(ms) ? undefined : ms / 1000;
  }
  return typeof value === 'number' ? value : undefined;
}

/** The metrics of a device: those of the box without a word before them. */
function families(description: DeviceDescription, things: readonly Record<string, unknown>[]): Family[] {
  const isCore = 'name' in description.document;
  const prefix = isCore ? 'homestash' : `homestash_${description.kind}`;
  return description.entities.flatMap((entity): Family[] => {
    if (entity.platform === 'button' || entity.platform === 'event' || !entity.metric) return [];
    const samples = things.flatMap((thing) => {
      const value = numberOf(thing[entity.member], entity);
      const labels = isCore ? {} : { id: String(thing.id), name: String(thing.name) };
      return value === undefined ? [] : [{ labels, value }];
    });
    const help = wordEntity(description.kind, entity.key, 'en');
    return [{ name: `${prefix}_${entity.metric}`, help, type: 'gauge', samples }];
  });
}

/** What the core is worth to a Prometheus: all that is measured of its devices, and of itself. */
export function createPrometheus({ state, devices, version, ended }: PrometheusOptions): Feature {
  const read = (): string => {
    const things = state.all().flatMap(({ name, text }) => {
      const device = deviceOf(devices, name);
      return device
        ? [{ description: device.description, content: JSON.parse(text) as Record<string, unknown> }]
        : [];
    });
    const { user, system } = process.cpuUsage();
    return exposition([
      {
        name: 'homestash_info',
        help: 'The version that runs',
        type: 'gauge',
        samples: [{ labels: { version }, value: 1 }],
      },
      ...devices.flatMap((description) =>
        families(
          description,
          things.filter((thing) => thing.description === description).map(({ content }) => content),
        ),
      ),
      {
        name: 'homestash_operations_total',
        help: 'Long work that has ended since the start',
        type: 'counter',
        samples: ended().map(({ kind, state: outcome, count }) => ({
          labels: { kind, outcome },
          value: count,
        })),
      },
      {
        name: 'process_cpu_seconds_total',
        help: 'Processor time of the core since its start',
        type: 'counter',
        samples: [{ labels: {}, value: (user + system) / 1e6 }],
      },
      {
        name: 'process_resident_memory_bytes',
        help: 'Memory that the core holds',
        type: 'gauge',
        samples: [{ labels: {}, value: process.memoryUsage.rss() }],
      },
    ]);
  };
  return {
    name: 'prometheus',
    routes: [
      streamRoute({
        method: 'GET',
        path: PATHS.metrics,
        summary: 'Read what is measured, as Prometheus does',
        streams: 'out',
        contentType: 'text/plain',
        response: v.string(),
        handle: async (_call, _request, response) => {
          response.writeHead(200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' });
          response.end(read());
        },
      }),
    ],
  };
}

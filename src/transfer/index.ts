import { ExportRequest, ImportReport, ImportRequest, PATHS } from '../contract/index.ts';
import { openWithPassphrase, sealWithPassphrase } from '../kernel/age.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import { Problem } from '../kernel/errors.ts';
import type { Feature } from '../kernel/feature.ts';
import { jsonRoute, streamRoute } from '../kernel/http/route.ts';
import type { Log } from '../kernel/log.ts';
import type { Portable } from '../kernel/portable.ts';
import { readDocument, writeDocument } from './document.ts';

interface TransferOptions {
  /** What travels, in the order in which it is taken over. */
  readonly portables: readonly Portable[];
  readonly database: Database;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether something is under way that a new start would cut. */
  readonly isBusy: () => boolean;
  /** Something was taken over: the core is to start anew. */
  readonly onImported: () => void;
}

/** Moving to another box: everything that is set, in one sealed file. */
export function createTransfer(options: TransferOptions): Feature {
  const { portables, database, version, clock, isBusy, onImported } = options;
  const log = options.log.child('transfer');
  let taken = false;
  /** Each takes the memory of a passphrase: one at a time. */
  const alone = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (taken) throw new Problem('transfer_busy');
    taken = true;
    try {
      return await work();
    } finally {
      taken = false;
    }
  };

  const takeOver = async (
    { file, passphrase }: ImportRequest,
    signal: AbortSignal,
  ): Promise<ImportReport> => {
    if (isBusy()) throw new Problem('transfer_busy');
    const opened = await openWithPassphrase(Buffer.from(file, 'base64'), passphrase, signal);
    if ('fault' in opened) {
      throw new Problem(opened.fault === 'passphrase' ? 'import_wrong_passphrase' : 'import_not_export');
    }
    const parts = readDocument(Buffer.from(opened.bytes).toString(), portables);
    await database.transaction(async (tables) => {
      for (const [one, part] of parts) await one.write(part, tables);
    });
    const names = [...parts.keys()].map(({ name }) => name);
    log.info('an export was taken over', { parts: names });
    const targets = [...parts].find(([{ name }]) => name === 'targets')?.[1] as unknown[] | undefined;
    return { targets: targets?.length ?? 0, settings: names.filter((name) => name !== 'targets') };
  };

  return {
    name: 'transfer',
    routes: [
      streamRoute({
        method: 'POST',
        path: PATHS.export,
        summary: 'Take along everything that a new box needs, as a file of age sealed with the passphrase',
        access: 'person',
        body: ExportRequest,
        streams: 'out',
        contentType: 'application/octet-stream',
        handle: ({ body: { passphrase }, signal }, _request, response) =>
          alone(async () => {
            const document = await writeDocument(portables, database.tables, { version, clock });
            const file = await sealWithPassphrase(Buffer.from(document), passphrase, signal);
            const day = timestamp(clock.now()).slice(0, 10);
            response.writeHead(200, {
              'content-type': 'application/octet-stream',
              'content-length': file.byteLength,
              'content-disposition': `attachment; filename="homestash-${day}.age"`,
              'cache-control': 'no-store',
            });
            response.end(file);
            log.info('everything was exported by a person');
          }),
      }),
      jsonRoute({
        method: 'POST',
        path: PATHS.import,
        summary: 'Take over what another box exported, all or nothing; the core starts anew afterwards',
        access: 'person',
        body: ImportRequest,
        response: ImportReport,
        handle: async ({ body, signal }) => {
          const report = await alone(() => takeOver(body, signal));
          // behind the answer, which gets out before everything ends
          setImmediate(onImported);
          return report;
        },
      }),
    ],
  };
}

import { join } from 'node:path';
import { freePort } from '../test/harness/free-port.ts';
import { Program } from '../test/harness/process.ts';
import { commandWithin, type Whereabouts } from '../test/harness/s3-server.ts';
import { waitFor } from '../test/harness/wait-for.ts';

/** With which the core runs as well. */
const NODE_FLAG = '--max-semi-space-size=1';

/** A server in a process of its own that drops what it gets. */
export class Sink {
  readonly program: Program;
  readonly url: string;

  private constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
  }

  static async start(dir: string, { host = '127.0.0.1', within }: Whereabouts = {}): Promise<Sink> {
    const port = await freePort();
    const script = join(import.meta.dirname, 'sink-server.ts');
    const program = new Program({
      ...commandWithin(within, process.execPath, [NODE_FLAG, script, host, String(port)]),
      logFile: join(dir, 'sink.log'),
    });
    program.start();
    await waitFor('the sink', () => program.log().includes('ready'));
    return new Sink(program, `http://${host}:${port}/`);
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }
}

import { randomUUID } from 'node:crypto';
import { ApiFault } from './answers.ts';
import type { RouteTable } from './routes.ts';
import type { World } from './world.ts';

/** Long work of the Supervisor, as Core follows it. */
export interface Job {
  readonly uuid: string;
  readonly name: string;
  reference: string | null;
  progress: number;
  stage: string | null;
  done: boolean;
  errors: { type: string; message: string; stage: string | null }[];
  readonly created: string;
  readonly child_jobs: never[];
  readonly extra: null;
}

/** Says what it is at, and in the end what the job was about. */
type Work = (job: Job, stage: (name: string) => Promise<void>) => Promise<string>;

/** All jobs since the start; Core is told of every change. */
export class Jobs {
  readonly #world: World;
  readonly #jobs = new Map<string, Job>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Runs in the background; what it returns is what the job was about. */
  begin(name: string, work: Work): Job {
    const job: Job = {
      uuid: randomUUID().replaceAll('-', ''),
      name,
      reference: null,
      progress: 0,
      stage: null,
      done: false,
      errors: [],
      created: new Date(this.#world.clock.now()).toISOString(),
      child_jobs: [],
      extra: null,
    };
    this.#jobs.set(job.uuid, job);
    void this.#run(job, work);
    return job;
  }

  async #run(job: Job, work: Work): Promise<void> {
    const tell = async () => this.#world.core?.event('job', { data: job });
    try {
      job.reference = await work(job, async (stage) => {
        job.stage = stage;
        await tell();
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      job.errors.push({ type: 'BackupError', message, stage: job.stage });
    }
    job.done = true;
    job.progress = 100;
    await tell();
  }

  routes(): RouteTable {
    return {
      'GET /jobs/info': () => ({
        ignore_conditions: [],
        jobs: [...this.#jobs.values()].filter(({ done }) => !done),
      }),
      'GET /jobs/{uuid}': ({ params }) => {
        const job = this.#jobs.get(params.uuid ?? '');
        if (!job) throw new ApiFault(404, 'Job does not exist');
        return job;
      },
    };
  }
}

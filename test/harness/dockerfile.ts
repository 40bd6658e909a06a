/** A step of a Dockerfile, with its variables filled in. */
export type Step =
  | { readonly kind: 'run'; readonly command: string }
  | {
      readonly kind: 'copy';
      readonly from: string | undefined;
      readonly sources: readonly string[];
      readonly to: string;
    }
  | { readonly kind: 'workdir'; readonly path: string };

/** A stage: where it begins, what is done, and what is said of the result. */
export interface DockerStage {
  readonly name: string;
  readonly base: string;
  readonly steps: readonly Step[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: string | undefined;
  readonly command: readonly string[];
  readonly health: {
    readonly command: readonly string[];
    readonly options: Readonly<Record<string, string>>;
  };
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly stopSignal: string | undefined;
}

type Variables = Readonly<Record<string, string>>;
type Draft = { -readonly [key in keyof DockerStage]: DockerStage[key] };

function fill(text: string, variables: Variables): string {
  return text.replace(/\$\{(\w+)\}|\$([A-Z]\w*)/g, (_sign, braced, bare) => variables[braced ?? bare] ?? '');
}

/** Words as a shell would split them, without what is in quotes; `KEY="a b"` is one. */
function words(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g)].map(([word]) => word.replaceAll('"', ''));
}

function pairs(text: string): Record<string, string> {
  return Object.fromEntries(
    words(text).map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
}

function instructionsOf(source: string): [string, string][] {
  const lines = source.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const joined = lines.join('\n').replace(/\\\n\s*/g, ' ');
  return joined.split('\n').map((line) => {
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    return [name, rest];
  });
}

const commandOf = (json: string) => JSON.parse(json) as string[];

function begin(rest: string, variables: Variables, number: number): Draft {
  const [base = '', , name = String(number)] = words(fill(rest, variables)).filter(
    (word) => !word.startsWith('--'),
  );
  return {
    name,
    base,
    steps: [],
    env: {},
    labels: {},
    workdir: '/',
    user: undefined,
    command: [],
    health: { command: [], options: {} },
    volumes: [],
    ports: [],
    stopSignal: undefined,
  };
}

function copyOf(rest: string): Step {
  const [, from] = /^--from=(\S+)\s/.exec(rest) ?? [];
  const places = words(rest.replace(/^--\S+\s/, ''));
  return { kind: 'copy', from, sources: places.slice(0, -1), to: places.at(-1) ?? '' };
}

function healthOf(rest: string): DockerStage['health'] {
  const [, options = '', command = '[]'] = /^(.*?)\s*CMD\s+(\[.*)$/.exec(rest) ?? [];
  return { command: commandOf(command), options: pairs(options.replaceAll('--', '')) };
}

function apply(stage: Draft, name: string, rest: string, variables: Variables): void {
  const filled = () => fill(rest, { ...variables, ...stage.env });
  switch (name) {
    case 'RUN':
      stage.steps = [...stage.steps, { kind: 'run', command: rest }];
      break;
    case 'COPY':
      stage.steps = [...stage.steps, copyOf(filled())];
      break;
    case 'WORKDIR':
      stage.workdir = filled();
      stage.steps = [...stage.steps, { kind: 'workdir', path: stage.workdir }];
      break;
    case 'ENV':
      stage.env = { ...stage.env, ...pairs(filled()) };
      break;
    case 'LABEL':
      stage.labels = { ...stage.labels, ...pairs(filled()) };
      break;
    case 'USER':
      stage.user = filled();
      break;
    case 'VOLUME':
      stage.volumes = commandOf(rest);
      break;
    case 'EXPOSE':
      stage.ports = words(filled());
      break;
    case 'STOPSIGNAL':
      stage.stopSignal = rest;
      break;
    case 'HEALTHCHECK':
      stage.health = healthOf(rest);
      break;
    case 'CMD':
      stage.command = commandOf(rest);
      break;
    default:
      throw new Error(`nobody has taught the tests what ${name} in a Dockerfile is`);
  }
}

/** Takes a Dockerfile apart, as far as ours goes; what it does not know is an error. */
export function parseDockerfile(source: string, args: Variables = {}): DockerStage[] {
  const stages: Draft[] = [];
  const variables: Record<string, string> = {};
  for (const [name, rest] of instructionsOf(source)) {
    const stage = stages.at(-1);
    if (name === 'ARG') {
      const [key = '', value = ''] = rest.split('=');
      variables[key] = args[key] ?? value;
    } else if (name === 'FROM') {
      stages.push(begin(rest, variables, stages.length));
    } else if (stage) {
      apply(stage, name, rest, variables);
    }
  }
  return stages;
}

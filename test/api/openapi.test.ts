import { afterAll, beforeAll, expect, test } from 'vitest';
import { PATHS } from '../../src/contract/index.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';

interface Content {
  readonly schema?: object;
}
interface Operation {
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, Content> };
  readonly responses: Record<string, { readonly content?: Record<string, Content> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

let core: LocalCore;
let document: Document;
let operations: [name: string, path: string, operation: Operation][];

beforeAll(async () => {
  core = await startLocalCore();
  document = await core.client.call('GET', PATHS.openapi);
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): (typeof operations)[number] => [
      `${method} ${path}`,
      path,
      operation,
    ]),
  );
});
afterAll(() => core.remove());

test('has every path of the contract and no other', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(Object.keys(document.paths).toSorted()).toEqual(Object.values(PATHS).toSorted());
});

test('describes each operation: its parameters, what it takes and what it gives', () => {
  for (const [name, path, { summary, parameters, requestBody, responses }] of operations) {
    expect(summary, name).toMatch(/\w/);
    const inPath = parameters
      .filter((parameter) => parameter.in === 'path')
      .map((parameter) => parameter.name);
    expect(inPath, name).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter));
    const contents = [requestBody, ...Object.values(responses)].flatMap((part) =>
      Object.values(part?.content ?? {}),
    );
    for (const { schema } of contents) expect(Object.keys(schema ?? {}), name).not.toEqual([]);
    const good = Object.keys(responses).filter((status) => status.startsWith('2') || status === '101');
    expect(good.length, name).toBeGreaterThan(0);
    for (const status of good) expect(responses[status]?.content === undefined, name).toBe(status === '204');
    expect(responses.default?.content, name).toHaveProperty('application/problem+json');
  }
});

test('points only to schemas that it has', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target);
  const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect(references.length).toBeGreaterThan(0);
  expect(references.filter((target) => !known.includes(target as string))).toEqual([]);
});

test('says what streams are made of', () => {
  const archive = document.paths[PATHS.archive]?.get;
  expect(Object.keys(archive?.responses ?? {})).toEqual(['200', '206', 'default']);
  expect(archive?.parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(['Range', 'If-Range']));
  const events = document.paths[PATHS.events]?.get?.responses['200']?.content?.['text/event-stream'];
  for (const name of ['hello', 'targets_changed', 'backups_changed', 'operation_changed', 'goodbye']) {
    expect(JSON.stringify(events?.schema)).toContain(`{"const":"${name}"}`);
  }
});

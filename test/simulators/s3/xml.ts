import { parseXML } from '@aws-sdk/xml-builder';
import { S3Error } from './errors.ts';

/** The namespace of every document but errors. */
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** An element by its name: with text, with elements, or left out. */
export type Element = readonly [name: string, content: string | number | boolean | Element[] | undefined];

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text
    .replace(/[&<>"]/g, (sign) => ESCAPES[sign] as string)
    .replace(/[\r\n\t]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function written([name, content]: Element): string {
  if (content === undefined) return '';
  const inner = Array.isArray(content) ? content.map(written).join('') : escaped(String(content));
  return `<${name}>${inner}</${name}>`;
}

/** A document as S3 writes it. */
export function xmlDocument(root: string, elements: Element[], { namespace = true } = {}): string {
  const attribute = namespace ? ` xmlns="${NAMESPACE}"` : '';
  const inner = elements.map(written).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${inner}</${root}>`;
}

/** An element that was read, with its children by name. */
export class Read {
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  /** All children of that name, in the order of the document. */
  all(name: string): Read[] {
    if (typeof this.#value !== 'object' || this.#value === null) return [];
    const child = (this.#value as Record<string, unknown>)[name];
    if (child === undefined) return [];
    return (Array.isArray(child) ? child : [child]).map((one) => new Read(one));
  }

  one(name: string): Read | undefined {
    return this.all(name)[0];
  }

  /** The text of a child. */
  text(name: string): string | undefined {
    return this.one(name)?.ownText();
  }

  ownText(): string {
    if (typeof this.#value !== 'object' || this.#value === null) return String(this.#value ?? '');
    return String((this.#value as Record<string, unknown>)['#text'] ?? '');
  }
}

/** Reads a document of a client; anything but `root` is MalformedXML. */
export function readXml(body: Buffer, root: string): Read {
  let parsed: unknown;
  try {
    parsed = parseXML(body.toString('utf8'));
  } catch {
    throw new S3Error('MalformedXML');
  }
  const element = new Read(parsed).one(root);
  if (element === undefined) throw new S3Error('MalformedXML');
  return element;
}

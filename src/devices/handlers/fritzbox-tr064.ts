import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import type { Identity } from '../handler.ts';
import type { DeviceHttp } from '../http/client.ts';

/** A service of TR-064 and where it listens (`tr64desc.xml` of FRITZ!OS). */
interface Service {
  readonly type: string;
  readonly control: string;
}

const DEVICE_INFO: Service = {
  type: 'urn:dslforum-org:service:DeviceInfo:1',
  control: '/upnp/control/deviceinfo',
};
const DEVICE_CONFIG: Service = {
  type: 'urn:dslforum-org:service:DeviceConfig:1',
  control: '/upnp/control/deviceconfig',
};

/** What a fault of TR-064 means (AVM, TR-064 First Steps, section 6.1); others did not work for a reason that it says. */
const FAULTS: Readonly<
  Record<string, 'device_not_there' | 'device_forbidden' | 'device_second_factor' | 'device_locked'>
> = {
  // an action that this firmware does not know
  '401': 'device_not_there',
  '606': 'device_forbidden',
  '866': 'device_second_factor',
  '867': 'device_locked',
};

/** A reason that a device gives is not shown beyond that (characters). */
const LONGEST_REASON = 80;

const Fault = v.object({
  Envelope: v.object({
    Body: v.object({
      Fault: v.object({
        detail: v.object({
          UPnPError: v.object({ errorCode: v.string(), errorDescription: v.optional(v.string(), '') }),
        }),
      }),
    }),
  }),
});

/** An answer in XML as an object: names without their prefixes, all values text. @throws Problem `device_unexpected` */
export async function xmlOf(http: DeviceHttp, text: string): Promise<unknown> {
  const { XMLParser } = await import('fast-xml-parser');
  try {
    // no device writes one, and entities could be declared in it
    if (/<!DOCTYPE/i.test(text)) throw new Error('a document type');
    return new XMLParser({ removeNSPrefix: true, parseTagValue: false }).parse(text, true) as unknown;
  } catch {
    throw new Problem('device_unexpected', { params: { host: http.host, reason: 'no XML' } });
  }
}

const escaped = (value: string): string =>
  value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;');

/** Calls an action (SOAP 1.1) and gives what it answers, by name. */
async function call(
  http: DeviceHttp,
  { type, control }: Service,
  action: string,
  values: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, string>>> {
  const given = Object.entries(values).map(([name, value]) => `<${name}>${escaped(value)}</${name}>`);
  const answer = await http.ask({
    method: 'POST',
    path: control,
    type: 'text/xml; charset="utf-8"',
    headers: { soapaction: `"${type}#${action}"` },
    body:
      '<?xml version="1.0" encoding="utf-8"?>' +
      '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">' +
      `<s:Body><u:${action} xmlns:u="${type}">${given.join('')}</u:${action}></s:Body></s:Envelope>`,
    // 503 takes the place of 401 after too many requests (TR-064 First Steps, section 4.1.1)
    accept: [200, 500, 503],
  });
  const { host } = http;
  if (answer.status === 503) {
    await answer.drain();
    throw new Problem('device_locked', { params: { host } });
  }
  const document = await xmlOf(http, await answer.text());
  const fault = v.safeParse(Fault, document);
  if (fault.success) {
    const { errorCode, errorDescription } = fault.output.Envelope.Body.Fault.detail.UPnPError;
    const code = FAULTS[errorCode];
    if (code) throw new Problem(code, { params: { host } });
    const said = `${errorCode} ${errorDescription}`.replace(/[^ -~]/g, '?').trim();
    throw new Problem('device_failed', { params: { host, reason: said.slice(0, LONGEST_REASON) } });
  }
  const Answer = v.object({
    Envelope: v.object({ Body: v.object({ [`${action}Response`]: v.record(v.string(), v.string()) }) }),
  });
  const parsed = v.safeParse(Answer, document);
  const found = parsed.success && parsed.output.Envelope.Body[`${action}Response`];
  if (!found) throw new Problem('device_unexpected', { params: { host, reason: `no answer of ${action}` } });
  return found;
}

/** Who it is, for whoever may see its settings. */
export async function deviceInfo(http: DeviceHttp): Promise<Identity> {
  const said = await call(http, DEVICE_INFO, 'GetInfo');
  if (!/AVM|FRITZ/i.test(`${said.NewManufacturerName} ${said.NewModelName}`)) {
    throw new Problem('device_other_kind', { params: { host: http.host, kind: 'FRITZ!Box' } });
  }
  // the name that a person gave it stands in its description only
  const name = (await described(http).catch(() => undefined))?.name;
  return {
    id: serial(said.NewSerialNumber),
    name,
    model: said.NewModelName,
    firmware: said.NewSoftwareVersion,
  };
}

/** Lets the box write an export, encrypted with a password, and gives the address at which it lies for some seconds. */
export async function exportAddress(http: DeviceHttp, password: string): Promise<string> {
  const values = { 'NewX_AVM-DE_Password': password };
  const said = await call(http, DEVICE_CONFIG, 'X_AVM-DE_GetConfigFile', values);
  return said['NewX_AVM-DE_ConfigFileUrl'] ?? '';
}

const Description = v.object({
  root: v.object({
    systemVersion: v.optional(v.object({ Display: v.optional(v.string()) })),
    device: v.object({
      friendlyName: v.optional(v.string()),
      manufacturer: v.string(),
      modelName: v.string(),
      UDN: v.optional(v.string()),
      serialNumber: v.optional(v.string()),
    }),
  }),
});

/** Who it is by `tr64desc.xml`, which nobody has to sign in for; undefined where it is another device. */
export async function described(http: DeviceHttp): Promise<Identity | undefined> {
  const text = await (await http.ask({ path: '/tr64desc.xml' })).text();
  const parsed = v.safeParse(Description, await xmlOf(http, text));
  if (!parsed.success) return undefined;
  const { device, systemVersion } = parsed.output.root;
  if (!/^(AVM|FRITZ)/i.test(device.manufacturer)) return undefined;
  return {
    // the last part of its UDN is the same address (TR-064 First Steps, section 5.1)
    id: serial(device.serialNumber) ?? serial(device.UDN?.split('-').at(-1)),
    name: device.friendlyName,
    model: device.modelName,
    firmware: systemVersion?.Display,
  };
}

/** Its serial number is its MAC address, written in one of several ways. */
export function serial(said: string | undefined): string | undefined {
  const digits = said?.replace(/[:-]/g, '').toLowerCase() ?? '';
  return /^[0-9a-f]{12}$/.test(digits) ? digits : undefined;
}

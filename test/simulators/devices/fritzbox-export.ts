import { randomBytes } from 'node:crypto';
import { exportChecksum } from '../../../src/devices/handlers/fritzbox-export.ts';

/** A file within an export, as the box holds it. */
export interface ExportedFile {
  readonly form: 'CFG' | 'BIN' | 'B64' | 'CRYPTEDB64';
  readonly name: string;
  readonly content: string;
}

/** An encrypted value as FRITZ!OS writes it: another one with each export. */
export function encrypted(length = 40): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ123456';
  return `$$$$${[...randomBytes(length)].map((byte) => letters[byte % letters.length]).join('')}`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A moment as it stands in the comment of each file of settings. */
function moment(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  const day = String(date.getUTCDate()).padStart(2, ' ');
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${day} ${time} ${date.getUTCFullYear()}`;
}

/** The settings of a box, with a moment and encrypted values that are other ones each time. */
export function settingsOf(ssid: string, now: Date): ExportedFile[] {
  const head = `/*\n * /var/tmp.cfg\n * ${moment(now)}\n */\n\nmeta { encoding = "utf-8"; }\n\n`;
  const ar7 = [
    'ar7cfg {',
    '        mode = dsldmode_router;',
    '        serialcfg {',
    `                passwd = "${encrypted()}";`,
    `                connect_chatscript = "ABORT BUSY ABORT 'NO CARRIER'",`,
    `                                     "'' 'AT+cgdcont=1,\\"IP\\",\\"\${provider}\\"'";`,
    '        }',
    '}',
    'boxusers {',
    '        users {',
    `                name = "${encrypted()}";`,
    `                password = "${encrypted(60)}";`,
    `                googleauth_setupdate = "${now.toISOString().slice(0, 19).replace('T', ' ')}";`,
    '        }',
    '}',
    '',
    '',
    '// EOF',
    '',
  ].join('\n');
  const wlan = [
    'wlancfg {',
    `        ssid = "${ssid}";`,
    `        pskvalue = "${encrypted(80)}";`,
    '        wps_pin = "12345670";',
    '}',
    '',
    '',
    '// EOF',
    '',
  ].join('\n');
  const nexus = [
    'avmnexuscfg {',
    '        own_key =',
    `                  "Base64:${randomBytes(48).toString('base64')}`,
    `${randomBytes(48).toString('base64')}";`,
    '        role = avmnexus_role_automatic;',
    '}',
    '',
    '',
    '// EOF',
    '',
  ].join('\n');
  return [
    { form: 'CFG', name: 'ar7.cfg', content: head + ar7 },
    { form: 'CFG', name: 'wlan.cfg', content: head + wlan },
    { form: 'B64', name: 'phonebook', content: '<phonebooks><phonebook name="Telefonbuch"/></phonebooks>\n' },
    { form: 'BIN', name: 'fx_conf', content: 'fx\u0000\u0001' },
    { form: 'BIN', name: 'calllog', content: `call at ${now.toISOString()}` },
    { form: 'CRYPTEDB64', name: 'vpn', content: randomBytes(90).toString('latin1') },
    { form: 'CFG', name: 'avmnexus.cfg', content: head + nexus },
  ];
}

function lines(text: string, length: number): string[] {
  return text.match(new RegExp(`.{1,${length}}`, 'g')) ?? [''];
}

function written({ form, content }: ExportedFile): string[] {
  const bytes = Buffer.from(content, 'latin1');
  if (form === 'CFG') return content.replaceAll('\\', '\\\\').split('\n');
  if (form === 'BIN') return lines(bytes.toString('hex').toUpperCase(), 80);
  return lines(bytes.toString('base64'), 76);
}

/** An export as FRITZ!OS writes it: in the layout of a real FRITZ!Box 7490 with FRITZ!OS 7. */
export function exportOf(files: readonly ExportedFile[]): Buffer {
  const header: [string, string][] = [
    ['Password', encrypted(100)],
    ['FirmwareVersion', '154.08.02'],
    ['CONFIG_INSTALL_TYPE', 'mips34_512MB_test'],
    ['OEM', 'avm'],
    ['Country', '049'],
    ['Language', 'de'],
  ];
  const sections = files.map((file) => ({
    form: file.form === 'CRYPTEDB64' ? ('B64' as const) : file.form,
    encrypted: file.form === 'CRYPTEDB64',
    name: file.name,
    lines: written(file),
  }));
  const text = [
    '**** FRITZ!Box 7590 CONFIGURATION EXPORT',
    ...header.map(([name, value]) => `${name}=${value}`),
    ...files.flatMap((file, index) => [
      `**** ${file.form}FILE:${file.name}`,
      ...(sections[index]?.lines ?? []),
      '**** END OF FILE ****',
    ]),
    `**** END OF EXPORT ${exportChecksum({ header, sections })} ****`,
    '',
  ].join('\n');
  return Buffer.from(text, 'latin1');
}

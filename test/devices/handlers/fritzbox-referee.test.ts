import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../../harness/certificate.ts';
import { haveReferees, referee } from '../../harness/referee.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { FritzBox } from '../../simulators/devices/fritzbox.ts';
import { exportOf, settingsOf } from '../../simulators/devices/fritzbox-export.ts';

/** The client fritzconnection with a box: TR-064 with digest, the file of an export, faults, and the pages. */
const SCRIPT = `
import hashlib, json, sys, warnings
warnings.simplefilter('ignore')
from fritzconnection import FritzConnection
from fritzconnection.core.fritzhttp import FritzHttp

port, web, user, password, export = sys.argv[1:]

class Pages(FritzHttp):
    router_url = f'https://127.0.0.1:{web}'

def box(password):
    return FritzConnection(address='127.0.0.1', port=int(port), user=user, password=password, use_tls=True)

def refused(work):
    try:
        work()
    except Exception as error:
        return type(error).__name__

fritz = box(password)
info = fritz.call_action('DeviceInfo1', 'GetInfo')
named = fritz.call_action('DeviceConfig1', 'X_AVM-DE_GetConfigFile', arguments={'NewX_AVM-DE_Password': export})
content = fritz.session.get(named['NewX_AVM-DE_ConfigFileUrl']).content
pages = Pages(fritz)
pages._set_sid_from_box()
print(json.dumps({
    'model': fritz.modelname,
    'version': fritz.system_version,
    'serial': info['NewSerialNumber'],
    'log': info['NewDeviceLog'],
    'sha256': hashlib.sha256(content).hexdigest(),
    'session': pages.sid,
    'arguments': refused(lambda: fritz.call_action('DeviceConfig1', 'X_AVM-DE_GetConfigFile')),
    'twice': fritz.session.get(named['NewX_AVM-DE_ConfigFileUrl']).status_code,
    'wrong': refused(lambda: box('wrong').call_action('DeviceInfo1', 'GetInfo')),
}))
`;

let box: FritzBox;

beforeAll(async () => {
  box = new FritzBox(makeCertificate(temporaryFolder('certificate')));
  await box.start();
});

afterAll(() => box.stop());

test.runIf(haveReferees()).each([false, true])(
  'a client that others wrote finds the simulator to be a FRITZ!Box (old challenge: %s)',
  async (oldLogin) => {
    const written = exportOf(settingsOf('Zuhause', new Date()));
    box.failures = 0;
    box.state.exportPasswords.length = 0;
    Object.assign(box.state, { oldLogin, exported: () => written });
    const { user, password } = box.state;
    const ports = [box.tr064.port, box.web.port].map(String);
    const said = JSON.parse(await referee(SCRIPT, [...ports, user, password, 'Sicherung <&> 1'])) as object;
    expect(said).toEqual({
      model: 'FRITZ!Box 7590',
      version: '8.2',
      serial: '989BCB2B93B0',
      log: 'Anmeldung eines Nutzers <homestash> & mehr',
      sha256: createHash('sha256').update(written).digest('hex'),
      session: expect.stringMatching(/^(?!0{16})[0-9a-f]{16}$/),
      arguments: 'FritzArgumentError',
      twice: 404,
      wrong: 'FritzAuthorizationError',
    });
    expect(box.state.exportPasswords).toEqual(['Sicherung <&> 1']);
    expect(box.failures).toBeGreaterThan(0);
  },
);

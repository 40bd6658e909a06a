// Loaded into a real Zigbee2MQTT before it starts: a coordinator in the place of one on a serial port, below zigbee-herdsman's own
// controller and database. It knows what is asked of it at start, at a backup and at the end, and refuses everything else.
const { createRequire } = require('node:module');

const within = createRequire(process.env.ZIGBEE2MQTT_PROGRAM);
const herdsman = createRequire(within.resolve('zigbee-herdsman'));
const { Adapter } = herdsman('./adapter/adapter.js');

const IEEE = '0x00124b0012345678';
let frames = 1000;
let asked = 0;

class Radio extends Adapter {
  async start() {
    return 'resumed';
  }
  async stop() {}
  async getCoordinatorIEEE() {
    return IEEE;
  }
  async getCoordinatorVersion() {
    return { type: 'zStack3x0', meta: { revision: 20230507 } };
  }
  async getNetworkParameters() {
    const { panID, channelList } = this.networkOptions;
    return { panID, extendedPanID: '0xdddddddddddddddd', channel: channelList[0], nwkUpdateID: 0 };
  }
  async supportsBackup() {
    return process.env.RADIO_BACKUP !== 'none';
  }
  async backup() {
    // the first one is asked for at the start, which a radio that answers nothing would not survive
    asked += 1;
    if (process.env.RADIO_BACKUP === 'broken' && asked > 1) throw new Error('the radio does not answer');
    const { panID, extendedPanID, channelList, networkKey } = this.networkOptions;
    frames += 1;
    return {
      networkOptions: {
        panId: panID,
        extendedPanId: Buffer.from(extendedPanID),
        channelList,
        networkKey: Buffer.from(networkKey),
      },
      logicalChannel: channelList[0],
      networkKeyInfo: { sequenceNumber: 0, frameCounter: frames },
      securityLevel: 5,
      networkUpdateId: 0,
      coordinatorIeeeAddress: Buffer.from(IEEE.slice(2), 'hex'),
      devices: [],
      znp: { version: 1, trustCenterLinkKeySeed: Buffer.alloc(16, 7) },
    };
  }
  async permitJoin() {}
  // the end of joining, which it says to all when it stops
  async sendZclFrameToAll() {}
}

Adapter.create = async (network, port, backupPath, options) => new Radio(network, port, backupPath, options);
for (const name of ['reset', 'addInstallCode', 'sendZdo', 'sendZclFrameToEndpoint', 'sendZclFrameToGroup']) {
  Radio.prototype[name] = () => {
    throw new Error(`nobody may ask the radio for ${name}`);
  };
}

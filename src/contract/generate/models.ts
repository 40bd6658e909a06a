import * as v from 'valibot';
import * as contract from '../index.ts';

/** A schema as a class in Python. */
export interface Model {
  readonly name: string;
  readonly doc: string;
  readonly schema: v.GenericSchema;
  /** Models that the integration sends can turn themselves into JSON. */
  readonly sent?: true;
}

const PROVIDER: Model = {
  name: 'Provider',
  doc: 'A provider of storage; `endpoint` may have `{region}` in it.',
  schema: v.pick(contract.Provider, ['id', 'name', 'endpoint', 'regions']),
};

const NOTICE: Model = {
  name: 'Notice',
  doc: 'Something that needs a person, worded by the core.',
  schema: v.pick(contract.Notice, [
    'id',
    'code',
    'severity',
    'action',
    'repair',
    'target_id',
    'title',
    'text',
    'params',
  ]),
};

const KNOWN_DEVICE: Model = {
  name: 'KnownDevice',
  doc: 'A device whose configuration the core keeps.',
  schema: v.pick(contract.Device, ['id']),
};

/**
 * What the integration reads and sends. Of large documents it takes only what it needs: a member that a newer core
 * drops or changes elsewhere then does no harm.
 */
export const MODELS: readonly Model[] = [
  {
    name: 'Info',
    doc: 'What the core says of itself.',
    schema: v.pick(contract.Info, ['instance_id', 'name', 'version', 'api_version', 'min_api_version']),
  },
  {
    name: 'PairingRequest',
    doc: 'The one-time secret of a pairing code.',
    schema: contract.PairingRequest,
    sent: true,
  },
  {
    name: 'PairingResult',
    doc: 'What a pairing code was exchanged for.',
    schema: v.pick(contract.PairingResult, ['token', 'token_id']),
  },
  {
    name: 'SupervisorDiscovery',
    doc: 'What the Supervisor tells of a core: where it is, and with which access.',
    schema: v.pick(contract.SupervisorDiscovery, [
      'host',
      'port',
      'token',
      'token_id',
      'instance_id',
      'name',
    ]),
  },
  {
    name: 'PairingAnnouncement',
    doc: 'What a core tells of itself at a broker.',
    schema: v.pick(contract.PairingAnnouncement, ['url', 'instance_id', 'name']),
  },
  {
    name: 'Target',
    doc: 'A place where backups go.',
    schema: v.pick(contract.Target, ['id', 'unique_id', 'name']),
    sent: true,
  },
  PROVIDER,
  {
    name: 'ProviderList',
    doc: 'All that are known.',
    schema: v.object({ providers: v.array(PROVIDER.schema) }),
  },
  NOTICE,
  {
    name: 'NoticeList',
    doc: 'All that needs a person.',
    schema: v.object({ notices: v.array(NOTICE.schema) }),
  },
  { name: 'Backup', doc: 'A stored backup.', schema: v.pick(contract.Backup, ['backup', 'crc32']) },
  {
    name: 'BackupList',
    doc: 'The backups of a target, each still to be read on its own.',
    schema: v.object({ backups: v.array(v.unknown()) }),
  },
  { name: 'UploadRequest', doc: 'Announces an upload.', schema: contract.UploadRequest, sent: true },
  { name: 'Upload', doc: 'An upload that was announced.', schema: contract.Upload },
  {
    name: 'UploadSum',
    doc: 'Size and checksum of what was transferred.',
    schema: contract.UploadSum,
    sent: true,
  },
  {
    name: 'MirrorFile',
    doc: 'A file that is kept in the configuration of Home Assistant.',
    schema: contract.MirrorFile,
    sent: true,
  },
  {
    name: 'Mirror',
    doc: 'What belongs into the backups of Home Assistant.',
    schema: v.pick(contract.Mirror, ['instance_id', 'files', 'devices']),
  },
  KNOWN_DEVICE,
  {
    name: 'KnownDevices',
    doc: 'All of them.',
    schema: v.object({ devices: v.array(KNOWN_DEVICE.schema) }),
  },
  {
    name: 'AdoptionRequest',
    doc: 'Devices of a core that is gone.',
    schema: contract.AdoptionRequest,
    sent: true,
  },
  {
    name: 'Adoption',
    doc: 'The files that the core wants of them, by their sums.',
    schema: v.pick(contract.Adoption, ['wanted']),
  },
  {
    name: 'ProblemDocument',
    doc: 'An error as the core reports it.',
    schema: v.pick(contract.ProblemDocument, ['code', 'title', 'hint', 'params']),
  },
];

/** A document that names problems and is too large to be read as a whole: only its outcome counts. */
export const OPERATION_OUTCOME: Model = {
  name: 'OperationOutcome',
  doc: 'How long work went.',
  schema: v.pick(contract.Operation, ['state', 'problem']),
};

import * as v from 'valibot';
import type { Identity } from '../handler.ts';
import type { SSH_FORMATS } from './ssh-formats.ts';

/** How a system gives its configuration over SSH. All commands are written here: nothing of a person stands in them. */
export interface SshTemplate {
  /** As people know it. */
  readonly system: string;
  /** Gives the configuration on its standard output. Later ones are for versions that do not understand the first. */
  readonly commands: readonly string[];
  /** What the answer of a version is that does not understand a command, and says so with the status 0. */
  readonly unknown?: RegExp;
  readonly file: string;
  readonly format: keyof typeof SSH_FORMATS;
  /** Says what it is; a failure of one of these commands is no fault. */
  readonly identify?: {
    readonly commands: readonly string[];
    /** Undefined where it is something else. */
    read(said: readonly string[]): Identity | undefined;
  };
}

/** `   version: 7.20 (stable)`, as the console of RouterOS prints. */
function routerosValue(said: string | undefined, name: string): string | undefined {
  return new RegExp(`^\\s*${name}:\\s*(\\S.*?)\\s*$`, 'm').exec(said ?? '')?.[1];
}

/** `ubus call system board` of OpenWrt (procd, system.c). */
const OpenWrtBoard = v.object({
  hostname: v.optional(v.string()),
  model: v.optional(v.string()),
  board_name: v.optional(v.string()),
  release: v.object({ distribution: v.optional(v.string()), version: v.optional(v.string()) }),
});

function openWrtBoard(said: string | undefined): Identity | undefined {
  try {
    const { hostname, model, board_name, release } = v.parse(OpenWrtBoard, JSON.parse(said ?? ''));
    return { name: hostname, model: model ?? board_name ?? 'OpenWrt', firmware: release.version };
  } catch {
    return undefined;
  }
}

/** What makes a Proxmox host, besides its guests. */
const PROXMOX_PATHS = [
  ...['etc/pve', 'etc/network/interfaces', 'etc/network/interfaces.d', 'etc/hosts', 'etc/hostname'],
  ...['etc/resolv.conf', 'etc/fstab', 'etc/vzdump.conf', 'etc/modules', 'etc/modprobe.d', 'etc/sysctl.d'],
  ...[
    'etc/apt/sources.list',
    'etc/apt/sources.list.d',
    'etc/cron.d',
    'etc/default/grub',
    'etc/kernel/cmdline',
  ],
];

/** Systems whose configuration is saved over SSH. */
export const SSH_TEMPLATES = {
  mikrotik: {
    system: 'RouterOS',
    // since version 7 secrets are left out unless asked for; before, the word is not known
    commands: ['/export show-sensitive', '/export'],
    unknown: /^\s*(?:bad command name|expected end of command|syntax error|no such item)\b/i,
    file: 'export.rsc',
    format: 'routeros',
    identify: {
      commands: ['/system resource print', '/system routerboard print', '/system identity print'],
      read: ([resource, board, identity]) => {
        const firmware = routerosValue(resource, 'version');
        if (firmware === undefined) return undefined;
        return {
          id: routerosValue(board, 'serial-number')?.toLowerCase(),
          name: routerosValue(identity, 'name'),
          model: routerosValue(board, 'model') ?? routerosValue(resource, 'board-name'),
          firmware,
          chip: routerosValue(resource, 'architecture-name'),
        };
      },
    },
  },
  openwrt: {
    system: 'OpenWrt',
    commands: ['sysupgrade -b -'],
    file: 'backup.tar.gz',
    format: 'tarGz',
    identify: { commands: ['ubus call system board'], read: ([board]) => openWrtBoard(board) },
  },
  pfsense: {
    system: 'pfSense',
    commands: ['cat /cf/conf/config.xml'],
    file: 'config.xml',
    format: 'pfsense',
    identify: {
      commands: ['cat /etc/platform', 'cat /etc/version', 'hostname'],
      read: ([platform, version, name]) =>
        platform?.trim() === 'pfSense'
          ? { name: name?.trim() || undefined, model: 'pfSense', firmware: version?.trim() || undefined }
          : undefined,
    },
  },
  proxmox: {
    system: 'Proxmox VE',
    // hidden files of the cluster's file system are states and logs of the moment
    commands: [
      `tar --create --gzip --sort=name --ignore-failed-read --exclude='etc/pve/.*' --exclude=etc/pve/priv/lock --directory=/ ${PROXMOX_PATHS.join(' ')}`,
    ],
    file: 'host.tar.gz',
    format: 'tarGz',
    identify: {
      commands: ['pveversion', 'hostname'],
      read: ([version, name]) => {
        const firmware = /^pve-manager\/([\w.~-]+)/.exec(version ?? '')?.[1];
        return firmware === undefined
          ? undefined
          : { name: name?.trim() || undefined, model: 'Proxmox VE', firmware };
      },
    },
  },
  vyos: {
    system: 'VyOS',
    commands: ['cat /config/config.boot'],
    file: 'config.boot',
    format: 'vyos',
  },
} as const satisfies Record<string, SshTemplate>;

/** The template of that name; undefined for a command of one's own. */
export function templateOf(name: string): SshTemplate | undefined {
  return Object.hasOwn(SSH_TEMPLATES, name) ? SSH_TEMPLATES[name as keyof typeof SSH_TEMPLATES] : undefined;
}

/** The configuration as the rest of Tandem sees it: checked, completed with defaults, with durations and sizes as numbers. */
import type { Address } from '../base/address.ts';
import type { Schedule } from '../model/schedule.ts';

export interface GroupConfig {
  readonly name: string;
  readonly guid: string;
  readonly tombstoneLifetimeMs: number;
  readonly members: ReadonlyMap<string, GroupMember>;
  /** Every directed connection, also those that `full-mesh` stands for. */
  readonly connections: readonly ConnectionConfig[];
  readonly folders: ReadonlyMap<string, FolderConfig>;
  /** SHA-256 of the canonical form, 64 hex digits: equal on members whose group.yaml means the same. */
  readonly digest: string;
}

export interface GroupMember {
  readonly name: string;
  readonly guid: string;
  readonly host: string;
  readonly port: number;
  /** The pinned certificate, PEM. */
  readonly certificate: string;
}

export interface ConnectionConfig {
  readonly guid: string;
  /** The sending member. */
  readonly from: string;
  /** The receiving member, which calls. */
  readonly to: string;
  readonly enabled: boolean;
  /** Its own, or the group's. */
  readonly schedule: Schedule;
}

export interface FolderConfig {
  readonly name: string;
  readonly guid: string;
  /** Whose content wins at the first synchronisation; null: contents merge. */
  readonly primary: string | null;
  /** Absolute root directory by member name. */
  readonly members: ReadonlyMap<string, string>;
  /** Names of the members that only receive. */
  readonly readOnly: readonly string[];
  readonly filters: { readonly files: readonly string[]; readonly directories: readonly string[] };
  readonly quietMs: number;
  /** The longest that a file which never rests is held back. */
  readonly quietLimitMs: number;
  readonly rescanMs: number;
  readonly stagingQuotaBytes: number;
  readonly conflictQuotaBytes: number;
  /** Preserved content that is nowhere else may be deleted to keep within the quota. */
  readonly purgeOnlyCopies: boolean;
  readonly brakes: BrakeConfig;
}

export interface BrakeConfig {
  /** Share of the folder's files, 0 to 1, whose deletion in one scan is held; 1 or more: never held. */
  readonly deletedShare: number;
  /** The same for changed content. */
  readonly changedShare: number;
  /** Below this many files concerned nothing is held. */
  readonly minimumFiles: number;
}

export interface MemberConfig {
  readonly member: string;
  /** Absolute path of the member's home. */
  readonly home: string;
  /** Absolute path of group.yaml. */
  readonly groupFile: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly adminSocket: string;
  /** Where NBD clients connect; null: nowhere. */
  readonly nbd:
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'tcp'; readonly address: Address }
    | null;
  readonly nbdTls: 'off' | 'offered' | 'required';
  /** After so long without a word from the partner an outbound connection is taken for lost. */
  readonly outboundIdleMs: number;
  /** Absolute path of the directory in which bundles of other members arrive; null: none. */
  readonly spool: string | null;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

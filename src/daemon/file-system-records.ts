/** Records of the file systems on which the member's folders lie. */
import { readFile, stat, statfs } from 'node:fs/promises';
import { toDatetime } from '../admin/records/column.ts';
import type { FileSystemRecord } from '../admin/records/file-system.ts';
import { derivedGuid } from '../config/derived-guid.ts';
import { guidFromDatabaseId } from '../model/version.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import { NO_ERROR } from './error-numbers.ts';
import { numbersOfFolder } from './folder-records.ts';
import type { ServiceFacts } from './status-records.ts';

/** One of the member's file systems, by its device number. */
interface Group {
  readonly device: number;
  readonly folders: Folder[];
}

/** A root that cannot be looked at has no file system to tell of; its folder says why. */
export async function fileSystemRecords(member: Member, facts: ServiceFacts): Promise<FileSystemRecord[]> {
  const groups = new Map<number, Group>();
  for (const folder of member.folders.values()) {
    const device = await deviceOf(folder);
    if (device === null) continue;
    const group = groups.get(device) ?? { device, folders: [] };
    groups.set(device, group);
    group.folders.push(folder);
  }
  return Promise.all([...groups.values()].map(group => fileSystemRecord(member, group, facts)));
}

async function fileSystemRecord(
  member: Member,
  { device, folders }: Group,
  facts: ServiceFacts,
): Promise<FileSystemRecord> {
  const root = folders[0]!.core.rootPath;
  const space = await statfs(root).catch(() => null);
  const ailing = folders.find(({ core }) => numbersOfFolder(core).LastErrorCode !== 0);
  const recovering = folders.some(({ core }) => core.memory.phase === 'auto-recovery');
  return {
    VolumeGuid: derivedGuid(member.guid, `device ${device}`),
    VolumeSerialNumber: device,
    VolumePath: await mountPoint(root),
    DatabaseGuid: guidFromDatabaseId(member.parts.store.database),
    ...(facts.stopping
      ? { State: 1, StateReason: 'the daemon was told to stop' }
      : ailing
        ? { State: 2, StateReason: await ailing.reason() }
        : recovering
          ? { State: 3, StateReason: 'records are being rebuilt' }
          : { State: 0, StateReason: '' }),
    LastConfigChangeTime: toDatetime(facts.configuration.changedAt),
    ...(ailing ? numbersOfFolder(ailing.core) : NO_ERROR),
    Folders: folders.map(({ core }) => core.config.name).join(', '),
    TotalBytes: space ? space.blocks * space.bsize : 0,
    FreeBytes: space ? space.bavail * space.bsize : 0,
  };
}

async function deviceOf({ core }: Folder): Promise<number | null> {
  return stat(core.rootPath).then(
    look => look.dev,
    () => null,
  );
}

/** The innermost mount above the path; `/` where that cannot be told. [proc_pid_mountinfo(5)] */
async function mountPoint(path: string): Promise<string> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const points = text.split('\n').flatMap(line => {
    const point = line.split(' ')[4];
    return point === undefined ? [] : [unescapeOctal(point)];
  });
  const above = points.filter(point => point === '/' || path === point || path.startsWith(`${point}/`));
  return above.reduce((innermost, point) => (point.length > innermost.length ? point : innermost), '/');
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

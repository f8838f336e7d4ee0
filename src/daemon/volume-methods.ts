/** What the admin API asks about block volumes. */
import type { VolumeRecord } from '../admin/records/volume.ts';
import type { VolumesBackend } from '../admin/volumes.ts';
import type { ShelvedVolume } from '../mirror/volume-shelf.ts';
import type { Volumes } from './volumes.ts';

export function createVolumeMethods(member: string, { shelf, server }: Volumes): VolumesBackend {
  const record = (shelved: ShelvedVolume) => ({ volume: volumeRecord(member, shelved, server?.where ?? null) });
  return {
    volumes: async () => ({ volumes: shelf.list().map(shelved => record(shelved).volume) }),
    volume: async ({ volume }) => record(shelf.get(volume)),
    createVolume: async order => record(await shelf.create(order)),
    resizeVolume: async ({ volume, size, discard }) => record(await shelf.resize(volume, size, { discard })),
    deleteVolume: ({ volume, force }) => shelf.delete(volume, { force }),
  };
}

function volumeRecord(
  member: string,
  { name, directory, volume, problem, export: exported }: ShelvedVolume,
  where: string | null,
): VolumeRecord {
  const blockSize = volume?.blockSize ?? 0;
  const size = volume?.size ?? 0;
  return {
    ElementName: name,
    DeviceID: volume?.uuid ?? '',
    SystemName: member,
    BlockSize: blockSize,
    NumberOfBlocks: blockSize === 0 ? 0 : size / blockSize,
    SizeInBytes: size,
    AllocatedBytes: volume?.allocatedBytes ?? 0,
    Access: exported === undefined ? 0 : exported.readOnly ? 1 : 3,
    OperationalStatus: volume === null ? 'Error' : 'OK',
    StatusReason: problem ?? '',
    Snapshots: volume?.snapshots.length ?? 0,
    Clients: exported?.clients.length ?? 0,
    Directory: directory,
    Uri: exported === undefined || where === null ? '' : uriOf(name, where),
  };
}

/** [NBD URI specification] */
function uriOf(name: string, where: string): string {
  return where.startsWith('/') ? `nbd+unix:///${name}?socket=${encodeURI(where)}` : `nbd://${where}/${name}`;
}

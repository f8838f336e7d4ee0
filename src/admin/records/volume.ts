import { type Columns, choice, count, type Noun, path, type RecordOf, text } from './column.ts';
import { VOLUME_ACCESS } from './names.ts';

const columns = {
  ElementName: text('Name of the volume, and of its NBD export.', { heading: 'VOLUME' }),
  DeviceID: text('Identity of the volume: a UUID, from its superblock.'),
  SystemName: text('The member that has it.'),
  BlockSize: count('Bytes of a block.', { unit: 'bytes' }),
  NumberOfBlocks: count('Blocks of the volume.'),
  SizeInBytes: count('BlockSize × NumberOfBlocks.', { unit: 'bytes', heading: 'SIZE' }),
  AllocatedBytes: count('What its content takes; the rest has never been written, or was given back.', {
    unit: 'bytes',
    heading: 'ALLOCATED',
  }),
  Access: choice(VOLUME_ACCESS, 'What NBD clients may do.', { heading: 'ACCESS' }),
  OperationalStatus: text('OK or Error.', { heading: 'STATUS' }),
  StatusReason: text('Why it cannot be used; empty if all is well.', { heading: 'WHY' }),
  Snapshots: count('Snapshots it has.'),
  Clients: count('NBD clients that are connected.', { heading: 'CLIENTS' }),
  Directory: path('Where its metadata lies, and its data if it has no backing of its own.'),
  Uri: text('Where NBD clients find it; empty if they are not served.', { heading: 'NBD URI' }),
} satisfies Columns;

export const volumeNoun = {
  title: 'Volume',
  about: 'A block volume of this member (CIM_StorageVolume).',
  columns,
} satisfies Noun;
export type VolumeRecord = RecordOf<typeof columns>;

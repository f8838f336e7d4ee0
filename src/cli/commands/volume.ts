/** Block volumes of this member. */
import { resolve } from 'node:path';
import { volumeNoun } from '../../admin/records/volume.ts';
import { BACKING_CONTENTS, type VolumeCreation } from '../../admin/volumes.ts';
import { formatBytes, parseSize, SIZE_FORM } from '../../base/sizes-and-durations.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { printDone, printRecord, printRecords } from '../records-output.ts';

const VOLUME = { usage: '<volume>', about: 'the volume, by name or UUID' };
const SIZE = { flags: '--size <size>', about: SIZE_FORM, required: true, parse: parseSize } as const;

export const volumeCommands: readonly CommandSpec[] = [
  {
    words: ['volume', 'create'],
    summary: 'create a block volume and serve it to NBD clients',
    parameters: [{ usage: '<name>', about: 'its name, which is that of its NBD export too' }],
    options: [
      SIZE,
      { flags: '--block-size <size>', about: 'from 512 to 64KiB; else 4KiB', parse: parseSize },
      { flags: '--backing <path>', about: 'a file or block device for the data; else it lies in the member’s home' },
      {
        flags: '--contents <which>',
        about: 'where the backing is there already: keep what it holds, or begin with an empty volume',
        choices: BACKING_CONTENTS,
      },
    ],
    examples: [
      'volume create disk1 --size 10GiB',
      'volume create db --size 200GiB --backing /dev/vg0/db --contents kept',
    ],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const backing = call.options.backing as string | undefined;
        const { volume } = await client.createVolume({
          name: call.parameters[0]!,
          size: optionOf(call, 'size'),
          blockSize: call.options.blockSize as number | undefined,
          backing: backing === undefined ? undefined : resolve(backing),
          contents: call.options.contents as VolumeCreation['contents'],
        });
        printRecord(call, volumeNoun, volume);
      }),
  },
  {
    words: ['volume', 'list'],
    summary: 'list the block volumes of this member: size, state, clients, and where NBD clients find them',
    examples: ['volume list', 'volume list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { volumes } = await client.volumes();
        const none = 'no volumes; “tandem volume create NAME --size SIZE” makes one';
        printRecords(call, { noun: volumeNoun, rows: volumes, none });
      }),
  },
  {
    words: ['volume', 'show'],
    summary: 'show all that is known of one volume',
    parameters: [VOLUME],
    examples: ['volume show disk1'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { volume } = await client.volume({ volume: call.parameters[0]! });
        printRecord(call, volumeNoun, volume);
      }),
  },
  {
    words: ['volume', 'resize'],
    summary: 'give a volume another size; connected clients know the former one until they connect again',
    parameters: [VOLUME],
    options: [SIZE, { flags: '--discard', about: 'what lies beyond a nearer end is lost, and that is meant' }],
    examples: ['volume resize disk1 --size 20GiB', 'volume resize disk1 --size 5GiB --discard'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const order = { volume: call.parameters[0]!, size: optionOf<number>(call, 'size') };
        const { volume } = await client.resizeVolume({ ...order, discard: call.options.discard === true });
        const sentence = `${volume.ElementName} has ${formatBytes(volume.SizeInBytes)} now`;
        printDone(call, { sentence, json: { volume: volume.ElementName, size: volume.SizeInBytes } });
      }),
  },
  {
    words: ['volume', 'delete'],
    summary: 'delete a volume with its snapshots; a backing that was given stays as it is',
    parameters: [VOLUME],
    options: [{ flags: '--force', about: 'also while NBD clients are connected' }],
    examples: ['volume delete disk1'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const volume = call.parameters[0]!;
        await client.deleteVolume({ volume, force: call.options.force === true });
        printDone(call, { sentence: `${volume} is deleted`, json: { volume, deleted: true } });
      }),
  },
];

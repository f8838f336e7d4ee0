/** The methods of the admin API that are about block volumes. */
import { z } from 'zod';
import type { AdminMethod } from './methods.ts';
import { volumeNoun } from './records/volume.ts';
import { BACKING_CONTENTS, type VolumesBackend } from './volumes.ts';

const name = z.string().min(1).max(4096);
const bytes = z.int().min(1);
const volumeQuery = z.strictObject({ volume: name });

export const VOLUME_METHODS = {
  volumes: { rpc: 'ListVolumes', request: z.strictObject({}), records: { volumes: volumeNoun } },
  volume: { rpc: 'GetVolume', request: volumeQuery, records: { volume: volumeNoun } },
  createVolume: {
    rpc: 'CreateVolume',
    request: z.strictObject({
      name,
      size: bytes,
      blockSize: bytes.optional(),
      backing: name.optional(),
      contents: z.enum(BACKING_CONTENTS).optional(),
    }),
    records: { volume: volumeNoun },
  },
  resizeVolume: {
    rpc: 'ResizeVolume',
    request: volumeQuery.extend({ size: bytes, discard: z.boolean() }),
    records: { volume: volumeNoun },
  },
  deleteVolume: { rpc: 'DeleteVolume', request: volumeQuery.extend({ force: z.boolean() }), records: {} },
} as const satisfies Record<keyof VolumesBackend, AdminMethod>;

/** Clients' writes to a volume wait until the hold is given back. */
import type { Volume } from '../block/volume.ts';

export interface VolumeHold {
  /** Settles when the writes that were called before have; those called later wait. */
  readonly held: Promise<void>;
  readonly release: () => void;
}

export function holdVolume(volume: Volume): VolumeHold {
  let release = (): void => {};
  const released = new Promise<void>(resolve => (release = resolve));
  const held = new Promise<void>((resolve, reject) => {
    volume
      .hold(async () => {
        resolve();
        await released;
      })
      .catch(reject);
  });
  held.catch(() => {});
  return { held, release };
}

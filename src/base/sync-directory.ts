import { open } from 'node:fs/promises';

/** Makes durable which names a directory has: a new, renamed or removed file may be another one after a power failure otherwise. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

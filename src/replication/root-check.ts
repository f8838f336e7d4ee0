/** Before anything is concluded from absence: is this still the folder’s root? */
import type { FolderCore } from './folder-core.ts';

/** Halts the folder if not. Only within a task of the line. */
export async function rootIsThere(core: FolderCore): Promise<boolean> {
  const probe = await core.disk.probe();
  const release = `tandem folder release ${core.config.name} --retry`;
  if (probe.kind !== 'directory') {
    await core.halt(
      'root-missing',
      `The root ${core.rootPath} is ${probe.kind}: ${probe.detail}. Bring it back, then: ${release}`,
    );
  } else if (probe.dev.toString() !== core.memory.device) {
    await core.halt(
      'file-system-changed',
      `The root ${core.rootPath} is on another file system than before. If that is right: ${release}`,
    );
  } else if (probe.marker?.folder !== core.config.guid) {
    await core.halt(
      'marker-missing',
      `The marker in ${core.rootPath}/.tandem is gone or belongs to another folder. If this is the right directory: ${release}`,
    );
  }
  return core.memory.halt === null;
}

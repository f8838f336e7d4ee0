/** A group for one test, gone when the test has ended. */
import { onTestFailed, onTestFinished, vi } from 'vitest';
import { createGroup, type Group, type GroupOptions } from './group.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

/** Waits explain themselves when their own time is up; a test's time must not be up before. */
vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

/** Members with their daemons running, unless `start` is false. */
export async function startGroup(options: GroupOptions & { readonly start?: boolean }): Promise<Group> {
  const group = await createGroup(options);
  onTestFinished(() => group.dispose());
  onTestFailed(() => {
    for (const member of group.members)
      process.stderr.write(`--- ${member.name}: end of the log\n${member.log(2000)}\n`);
  });
  if (options.start !== false) await group.start();
  return group;
}

export function testWorkspace(label: string): Workspace {
  const workspace = createWorkspace(label);
  onTestFinished(() => workspace.remove());
  return workspace;
}

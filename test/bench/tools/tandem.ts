import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createGroup } from '../../e2e/harness/group.ts';
import { CLI } from '../../e2e/harness/program.ts';
import type { Workspace } from '../../e2e/harness/workspace.ts';
import type { ToolKind } from './tool.ts';

/** Two daemons with TLS, everything as it comes but the brakes, which a benchmark would trip. */
export const tandem: ToolKind = {
  name: 'tandem',
  unavailable: () => (existsSync(CLI) ? null : `${CLI} is missing: run “npm run build” first`),
  create: async base => {
    const workspace: Workspace = {
      path: base,
      mountSmall: () => null,
      unmount: () => {},
      remove: () => {},
      keep: () => {},
    };
    const [a, b] = [join(base, 'A/data'), join(base, 'B/data')];
    const group = await createGroup({
      members: ['alpha', 'beta'],
      folders: { data: { brakes: { deletedShare: 1, changedShare: 1 } } },
      roots: { 'alpha/data': a, 'beta/data': b },
      workspace,
    });
    return {
      name: 'tandem',
      a,
      b,
      continuous: true,
      start: () => group.start(),
      push: () => {},
      stop: async () => {
        await Promise.all(group.members.filter(member => member.running).map(member => member.stop()));
      },
      daemons: () => group.members.flatMap(member => member.pid ?? []),
      clientCpuSeconds: () => 0,
    };
  },
};

import { lstat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TandemError } from '../../base/errors.ts';
import { nearestName } from '../../base/known-names.ts';
import type { GroupConfig } from '../../config/config.ts';
import { parseGroup } from '../../config/group-file.ts';
import { reviewGroup } from '../../config/group-review.ts';
import { type CataloguedKey, findKeys, KEY_CATALOGUE } from '../../config/key-catalogue.ts';
import { loadMember } from '../../config/member-file.ts';
import { readConfigText } from '../../config/yaml-source.ts';
import { loadIdentity } from '../../peer/identity.ts';
import type { CommandCall, CommandSpec } from '../command.ts';
import { printJson } from '../records-output.ts';

export const configCommands: readonly CommandSpec[] = [
  {
    words: ['config', 'check'],
    summary: 'check a home: member.yaml, group.yaml and identity; or one group.yaml alone. Needs no daemon',
    parameters: [{ usage: '[path]', about: 'a home or a group.yaml; else the home given with --home' }],
    examples: ['config check', 'config check --home /var/lib/tandem', 'config check config/group.yaml'],
    target: 'home',
    run: async call => {
      const path = resolve(call.parameters[0] ?? call.home);
      const isFile = (await lstat(path).catch(() => null))?.isFile() === true && basename(path) !== 'member.yaml';
      printCheck(
        call,
        isFile ? await checkGroupFile(path) : await checkHome(basename(path) === 'member.yaml' ? dirname(path) : path),
      );
    },
  },
  {
    words: ['config', 'explain'],
    summary: 'explain the keys of member.yaml and group.yaml; needs no daemon',
    parameters: [{ usage: '[key]', about: 'a key such as folders.docs.quiet or only quiet; without it all keys' }],
    examples: ['config explain', 'config explain quiet', 'config explain folders.docs.brakes'],
    target: 'none',
    run: async call => {
      const key = call.parameters[0];
      const entries = key === undefined ? KEY_CATALOGUE : findKeys(key);
      if (entries.length === 0) throw new TandemError('NOT_FOUND', unknownKey(key!));
      if (call.json) printJson(call, entries.map(keyToJson));
      else call.terminal.out(entries.map(keyText).join('\n'));
    },
  },
];

interface Check {
  readonly group: GroupConfig;
  readonly remarks: readonly string[];
}

async function checkHome(home: string): Promise<Check> {
  const directory = join(home, 'identity');
  const exists = (await lstat(directory).catch(() => null)) !== null;
  const { group } = await loadMember(home, exists ? await loadIdentity(directory) : undefined);
  const missing = `there is no identity in ${directory}: a daemon cannot run on this home; “tandem init NAME” makes one with it`;
  return { group, remarks: [...(exists ? [] : [missing]), ...reviewGroup(group)] };
}

async function checkGroupFile(file: string): Promise<Check> {
  const { group } = parseGroup(await readConfigText(file, 'give the path of a group.yaml'), file);
  return { group, remarks: reviewGroup(group) };
}

function printCheck(call: CommandCall, { group, remarks }: Check): void {
  if (call.json) {
    printJson(call, { valid: true, group: group.name, digest: group.digest, remarks });
    return;
  }
  const enabled = group.connections.filter(connection => connection.enabled).length;
  call.terminal.out(
    `valid: group ${group.name} with ${group.members.size} members, ${enabled} enabled connections, ${group.folders.size} folders\n`,
  );
  call.terminal.out(`digest ${group.digest}\n`);
  for (const remark of remarks) call.terminal.out(`mind: ${remark}\n`);
}

function unknownKey(key: string): string {
  const names = KEY_CATALOGUE.map(entry => entry.key.split('.').at(-1)!);
  const guess = nearestName(key, [...names, ...KEY_CATALOGUE.map(entry => entry.key)]);
  return `there is no key “${key}”${guess === null ? '' : `; did you mean “${guess}”?`} “tandem config explain” lists them all`;
}

function keyToJson({ file, key, note, required, defaultText }: CataloguedKey) {
  return {
    file,
    key,
    required,
    default: defaultText,
    expects: note.form,
    about: note.about,
    example: note.example ?? null,
  };
}

function keyText({ file, key, note, required, defaultText }: CataloguedKey): string {
  const presence = required ? 'required' : defaultText === null ? 'optional' : `default ${defaultText}`;
  return `${key}  (${file}, ${presence})\n    ${note.about}\n    Expects ${note.form}.\n${note.example === undefined ? '' : `    Example: ${note.example}\n`}`;
}

/**
 * Two members on this host, from nothing to identical and through what happens to folders in life.
 *
 *     npm run demo                     cleans up after itself
 *     npm run demo -- --keep           leaves both members running, to look around
 *     npm run demo -- --files 20000    with another number of files
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { events, preservedItems, versionsMade } from '../test/e2e/harness/admin-view.ts';
import { createChance } from '../test/e2e/harness/chance.ts';
import { arrives, get, put } from '../test/e2e/harness/files.ts';
import { makeOddTree, makePlainTree } from '../test/e2e/harness/generate.ts';
import { createGroup, type Group } from '../test/e2e/harness/group.ts';
import type { Member } from '../test/e2e/harness/member.ts';
import { CLI } from '../test/e2e/harness/program.ts';
import { bytesOf, readTree } from '../test/e2e/harness/tree.ts';
import { until } from '../test/e2e/harness/until.ts';

const { values: options } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, files: { type: 'string', default: '4000' } },
});
const files = Number(options.files);
if (!Number.isInteger(files) || files < 100) {
  process.stderr.write(`--files takes a whole number from 100 on, not “${options.files}”\n`);
  process.exit(2);
}

const started = performance.now();
const group = await createGroup({
  label: 'demo',
  members: ['alpha', 'beta'],
  folders: { docs: { primary: 'alpha' } },
  detached: options.keep,
});
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void group.dispose().finally(() => process.exit(130)));
try {
  await tell(group);
} catch (error) {
  process.stdout.write(`\n${red('failed')}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
if (options.keep && process.exitCode !== 1) leaveRunning(group);
else {
  await Promise.all(group.members.filter(member => member.running).map(member => member.stop())).catch(fail);
  await group.dispose();
}

async function tell({ member, members, start }: Group): Promise<void> {
  const [alpha, beta] = [member('alpha'), member('beta')];

  chapter('Two members, one folder');
  for (const { name, port, root } of members)
    say(`${bold(name)} has a key and a certificate of its own, listens on 127.0.0.1:${port}, folder ${dim(root)}`);
  makePlainTree(join(alpha.root, 'tree'), files, createChance(1));
  makeOddTree(join(alpha.root, 'odd'), createChance(2));
  const made = readTree(alpha.root, { contents: false });
  say(
    `${bold('alpha')} holds ${made.size} entries, ${mib(bytesOf(made))}; some with names, sizes, times and links of every kind`,
  );
  await start();
  say(
    `two daemons run: ${members.map(({ name, pid }) => `${name} ${dim(`pid ${pid}`)}`).join(', ')}; they talk gRPC with mutual TLS, each pinned to the other’s certificate`,
  );

  chapter('First synchronisation');
  const firstSync = stopwatch();
  await showProgress(beta, made.size);
  const held = await group.identical({ timeoutMs: 120_000 });
  say(
    `identical after ${firstSync()}: ${held.size} entries, ${mib(bytesOf(held))}, compared byte for byte with modes and times`,
  );

  chapter('Edits on both sides');
  const edits = stopwatch();
  put(alpha.root, { 'notes/from alpha.txt': 'written on alpha\n' });
  put(beta.root, { 'notes/from beta.txt': 'written on beta\n' });
  rmSync(join(beta.root, 'odd', 'sizes'), { recursive: true });
  await arrives(beta, 'notes/from alpha.txt', 'written on alpha\n');
  await arrives(alpha, 'notes/from beta.txt', 'written on beta\n');
  await group.identical();
  say(`a file made on each, a directory deleted on beta: identical after ${edits()}`);

  chapter(`A directory of ${files} files gets another name`);
  await allCounted(alpha, beta);
  const versions = await versionsMade(beta);
  const rename = stopwatch();
  renameSync(join(alpha.root, 'tree'), join(alpha.root, 'tree renamed'));
  await until('the new name arrives', () => readTree(beta.root, { contents: false }).has('tree renamed'), {
    everyMs: 20,
  });
  const renamed = rename();
  await group.identical();
  const updates = (await versionsMade(beta)) - versions;
  if (updates !== 1) throw new Error(`the rename made ${updates} updates, not one`);
  say(`renamed on beta after ${renamed}, as ${bold('one update')}; no file was sent again`);

  chapter('A conflict');
  put(alpha.root, { 'plan.txt': 'as agreed\n' });
  await arrives(beta, 'plan.txt', 'as agreed\n');
  await beta.stop();
  say('beta is stopped; both sides edit plan.txt');
  writeFileSync(join(alpha.root, 'plan.txt'), 'as alpha wants it\n');
  writeFileSync(join(beta.root, 'plan.txt'), 'as beta wants it\n');
  await beta.start();
  await group.identical();
  const winner = get(alpha.root, 'plan.txt')?.trim();
  say(`beta is back; both hold ${bold(`“${winner}”`)}`);
  await showLoser([alpha, beta]);

  chapter('What the admin API says');
  for (const { name, tandem } of members) {
    const status = await tandem('status');
    if (status.exitCode !== 0)
      throw new Error(`tandem status on ${name} ended with ${status.exitCode}: ${status.stderr}`);
    process.stdout.write(`${dim(`  $ tandem status --home …/${name}/home`)}\n${indent(status.stdout)}\n`);
  }
  const errors = (await Promise.all(members.map(events))).flat().filter(event => event.Severity === 'error');
  if (errors.length > 0) throw new Error(`an error was reported: ${errors[0]!.EventName}: ${errors[0]!.Message}`);
  say(`${bold('all as it should be')}, in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

async function showProgress(member: Member, total: number): Promise<void> {
  const live = process.stdout.isTTY === true;
  let shownTenth = -1;
  await until(
    `${member.name} has all entries`,
    () => {
      const count = readTree(member.root, { contents: false }).size;
      const tenth = Math.floor((10 * count) / total);
      const bar = `${'█'.repeat(tenth * 2)}${'░'.repeat(Math.max(0, 20 - tenth * 2))}`;
      if (live) process.stdout.write(`\r  ${bar} ${count} of ${total} on ${member.name}`);
      else if (tenth !== shownTenth) process.stdout.write(`  ${bar} ${count} of ${total} on ${member.name}\n`);
      shownTenth = tenth;
      return count >= total;
    },
    { timeoutMs: 120_000, everyMs: 150, explain: () => member.log() },
  );
  if (live) process.stdout.write('\n');
}

/** The losing version of plan.txt, wherever it was set aside. */
async function showLoser(members: readonly Member[]): Promise<void> {
  const found = (
    await Promise.all(members.map(async member => (await preservedItems(member)).map(item => ({ member, item }))))
  ).flat();
  const loser = found.find(({ item }) => item.path.endsWith('plan.txt'));
  if (loser === undefined) throw new Error('the losing version of plan.txt is listed nowhere');
  const { member, item } = loser;
  say(`the other version is kept on ${member.name}: ${dim(item.preservedPath)}`);
  say(`${dim(`$ tandem conflict restore ${item.id} --to plan-other.txt`)} puts it back beside`);
  const restored = await member.tandem('conflict', 'restore', item.id, '--to', 'plan-other.txt');
  if (restored.exitCode !== 0) throw new Error(`conflict restore ended with ${restored.exitCode}: ${restored.stderr}`);
  await group.identical();
  say(`restored; both hold ${bold(`“${get(members[0]!.root, 'plan-other.txt')?.trim()}”`)} there too`);
}

/** Until both have taken in each other's versions, so that the next difference is the next edit's. */
async function allCounted(...members: readonly Member[]): Promise<void> {
  await until(
    'both members have the same version vector',
    async () => new Set(await Promise.all(members.map(member => versionsMade(member)))).size === 1,
    { everyMs: 200 },
  );
}

function leaveRunning({ members, workspace }: Group): void {
  chapter('Both go on running');
  for (const { name, home, root } of members)
    say(`${bold(name)}: folder ${root}\n    ${dim(`node ${CLI} status --home ${home}`)}`);
  say(`stop and remove: ${bold(`kill ${members.map(member => member.pid).join(' ')}; rm -r ${workspace.path}`)}`);
  workspace.keep();
  process.exit(0);
}

function fail(error: unknown): void {
  process.stdout.write(`${red('failed')}: ${String(error)}\n`);
  process.exitCode = 1;
}

function stopwatch(): () => string {
  const from = performance.now();
  return () => `${((performance.now() - from) / 1000).toFixed(2)} s`;
}

function chapter(title: string): void {
  process.stdout.write(`\n${bold(title)}\n`);
}

function say(sentence: string): void {
  process.stdout.write(`  ${sentence}\n`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ').trimEnd();
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function paint(code: number, text: string): string {
  return process.stdout.isTTY && process.env.NO_COLOR === undefined ? `\x1b[${code}m${text}\x1b[0m` : text;
}

function bold(text: string): string {
  return paint(1, text);
}

function dim(text: string): string {
  return paint(2, text);
}

function red(text: string): string {
  return paint(31, text);
}

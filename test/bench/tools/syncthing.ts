import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../e2e/harness/until.ts';
import { missingProgram, Processes, type ToolKind } from './tool.ts';

const KEY = 'bench';

/** As it comes, with its change delay of ten seconds. */
export const syncthing: ToolKind = makeKind('syncthing', 10);
/** The same with its change delay turned down as far as a user would. */
export const syncthingFast: ToolKind = makeKind('syncthing-1s', 1);

function makeKind(name: string, delaySeconds: number): ToolKind {
  return {
    name,
    unavailable: () => missingProgram('syncthing'),
    create: async base => {
      const roots = [join(base, 'A/data'), join(base, 'B/data')] as const;
      const homes = ['a', 'b'].map(side => join(base, `syncthing-${side}`));
      for (const root of roots) mkdirSync(join(root, '.stfolder'), { recursive: true });
      const ids = homes.map(generateDevice);
      const processes = new Processes(base);
      return {
        name,
        a: roots[0],
        b: roots[1],
        continuous: true,
        start: async () => {
          for (const [index, home] of homes.entries()) {
            writeFileSync(join(home, 'config.xml'), configuration({ ids, index, root: roots[index]!, delaySeconds }));
            processes.spawn(
              ['syncthing', 'serve', '--no-browser', '--no-restart', `--home=${home}`],
              `syncthing-${index}.log`,
              { HOME: home, STNOUPGRADE: '1' },
            );
          }
          for (const index of homes.keys()) {
            await until(
              'syncthing answers',
              async () =>
                (await fetch(`http://127.0.0.1:${8384 + index}/rest/system/ping`, { headers: { 'X-API-Key': KEY } }))
                  .ok,
              { everyMs: 50 },
            );
          }
        },
        push: () => {},
        stop: () => processes.end(),
        daemons: () => processes.pids(),
        clientCpuSeconds: () => 0,
      };
    },
  };
}

function generateDevice(home: string): string {
  if (!existsSync(join(home, 'config.xml')))
    spawnSync('syncthing', ['generate', `--home=${home}`, '--no-default-folder'], { stdio: 'ignore' });
  const id = /<device id="([^"]+)"/.exec(readFileSync(join(home, 'config.xml'), 'utf8'))?.[1];
  if (id === undefined) throw new Error(`syncthing generate made no device in ${home}`);
  return id;
}

function configuration(options: {
  readonly ids: readonly string[];
  readonly index: number;
  readonly root: string;
  readonly delaySeconds: number;
}): string {
  const { ids, index, root, delaySeconds } = options;
  return `<configuration version="36">
 <folder id="f" label="f" path="${root}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="${delaySeconds}" ignorePerms="false" autoNormalize="true">
  <device id="${ids[0]}"/><device id="${ids[1]}"/><minDiskFree unit="%">0</minDiskFree></folder>
 <device id="${ids[0]}" name="a" compression="metadata"><address>tcp://127.0.0.1:22000</address></device>
 <device id="${ids[1]}" name="b" compression="metadata"><address>tcp://127.0.0.1:22001</address></device>
 <gui enabled="true" tls="false"><address>127.0.0.1:${8384 + index}</address><apikey>${KEY}</apikey></gui>
 <options><listenAddress>tcp://127.0.0.1:${22000 + index}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled>
 <localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>
 <urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled><startBrowser>false</startBrowser>
 <autoUpgradeIntervalH>0</autoUpgradeIntervalH><reconnectionIntervalS>1</reconnectionIntervalS><setLowPriority>false</setLowPriority></options>
</configuration>`;
}

/** The schema of member.yaml: this host's own settings, in the member's home. */
import { z } from 'zod';
import { addressKey, durationKey, FORMS, keyNotes, textKey } from './key-notes.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** What NBD clients are offered. */
export const NBD_TLS = ['off', 'offered', 'required'] as const;

export const memberSchema = z.strictObject({
  member: textKey().register(keyNotes, {
    form: 'a name',
    about: 'Which member of group.yaml this host is.',
    example: 'alpha',
  }),
  group: textKey()
    .prefault('group.yaml')
    .register(keyNotes, { form: 'a path', about: 'The group’s file; relative to the home.' }),
  listen: addressKey().register(keyNotes, {
    form: FORMS.address,
    about: 'Where the member listens for its partners. 0.0.0.0 or [::] stands for every address of the host.',
    example: '"0.0.0.0:7420"',
  }),
  adminSocket: textKey().prefault('admin.sock').register(keyNotes, {
    form: 'a path',
    about: 'The Unix socket on which the daemon takes orders; relative to the home.',
  }),
  nbd: textKey().prefault('nbd.sock').register(keyNotes, {
    form: 'a path, HOST:PORT or off',
    about:
      'Where NBD clients of the volumes connect: a Unix socket, relative to the home, or an address; off: nowhere. An address that other hosts can reach needs nbdTls.',
    example: '"127.0.0.1:10809"',
  }),
  nbdTls: z
    .enum(NBD_TLS)
    .prefault('off')
    .register(keyNotes, {
      form: NBD_TLS.join(', '),
      about:
        'Whether NBD clients may, or must, ask for TLS. The member shows its own certificate; clients show that of a member of the group.',
    }),
  outboundIdle: durationKey({ atLeastMs: 1000, atMostMs: 7 * 24 * 3_600_000 })
    .prefault('12h')
    .register(keyNotes, {
      form: FORMS.duration,
      about:
        'A partner that receives from here and has not called for so long is taken for gone: its outbound connection is forgotten until it calls again.',
    }),
  spool: textKey().optional().register(keyNotes, {
    form: 'a path',
    about:
      'The directory in which bundles of other members arrive; relative to the home. What lies still there is taken in by itself, and by “tandem sync --intersite-messaging”. Without it there is no such synchronisation.',
    example: 'spool',
  }),
  logLevel: z
    .enum(LOG_LEVELS)
    .prefault('info')
    .register(keyNotes, { form: LOG_LEVELS.join(', '), about: 'The least severe messages that the log shows.' }),
});

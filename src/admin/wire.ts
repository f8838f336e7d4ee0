/** Records and answers on the wire: the same values under the wire's names (`ConnectionGuid` ↔ `connectionGuid`). */
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { AdminMethod } from './methods.ts';
import type { Noun } from './records/column.ts';

type Plain = Readonly<Record<string, unknown>>;

const PROTO_FILE = fileURLToPath(new URL('../../proto/tandem/admin/v1/admin.proto', import.meta.url));

/** The gRPC service as admin.proto defines it. Numbers of 64 bits arrive as JavaScript numbers. */
export function loadAdminService(): ServiceClientConstructor {
  const definition = loadSync(PROTO_FILE, { longs: Number, defaults: true, arrays: true });
  const root = loadPackageDefinition(definition) as unknown as {
    tandem: { admin: { v1: { AdminService: ServiceClientConstructor } } };
  };
  return root.tandem.admin.v1.AdminService;
}

export function answerToWire(method: AdminMethod, answer: Plain | undefined): Plain {
  return convertAnswer(method, answer ?? {}, recordToWire);
}

export function answerFromWire(method: AdminMethod, wire: Plain): Plain {
  return convertAnswer(method, wire, recordFromWire);
}

/** Null and undefined are left out on the wire, where such fields are optional. */
export function requestToWire(request: Plain): Plain {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined && value !== null));
}

function convertAnswer(method: AdminMethod, answer: Plain, convert: (noun: Noun, record: Plain) => Plain): Plain {
  return Object.fromEntries(
    Object.entries(answer).map(([field, value]) => {
      const noun = method.records[field];
      if (noun === undefined) return [field, value];
      return [
        field,
        Array.isArray(value) ? value.map(record => convert(noun, record as Plain)) : convert(noun, value as Plain),
      ];
    }),
  );
}

function recordToWire(noun: Noun, record: Plain): Plain {
  const entries = Object.keys(noun.columns).map(property => [wireName(property), record[property]]);
  return Object.fromEntries(entries.filter(([, value]) => value !== null));
}

function recordFromWire(noun: Noun, wire: Plain): Plain {
  return Object.fromEntries(Object.keys(noun.columns).map(property => [property, wire[wireName(property)] ?? null]));
}

function wireName(property: string): string {
  return property[0]!.toLowerCase() + property.slice(1);
}

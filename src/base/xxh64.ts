import xxhash from 'xxhash-wasm';

/** A running xxh64. */
export interface Xxh64State {
  update(bytes: Uint8Array): void;
  digest(): bigint;
}

export interface Xxh64 {
  (bytes: Uint8Array): bigint;
  begin(): Xxh64State;
}

/** WebAssembly memory grows to the longest input and never shrinks: longer ones are fed in pieces. */
const PIECE_BYTES = 64 * 1024;

/** xxh64 with seed 0. */
export async function loadXxh64(): Promise<Xxh64> {
  const api = await xxhash();
  function begin(): Xxh64State {
    const state = api.create64();
    return {
      update(bytes) {
        for (let at = 0; at < bytes.length; at += PIECE_BYTES) state.update(bytes.subarray(at, at + PIECE_BYTES));
      },
      digest: () => BigInt.asUintN(64, state.digest()),
    };
  }
  function whole(bytes: Uint8Array): bigint {
    if (bytes.length <= PIECE_BYTES) return BigInt.asUintN(64, api.h64Raw(bytes));
    const state = begin();
    state.update(bytes);
    return state.digest();
  }
  return Object.assign(whole, { begin });
}

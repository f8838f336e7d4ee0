/** What a flow tells whoever keeps its association. `on` must only note it. */
export type FlowEvent =
  | { readonly kind: 'copy-started' }
  | { readonly kind: 'progress'; readonly leftBytes: number }
  | { readonly kind: 'copy-finished' }
  /** Asynchronous: writes are only marked from here on; a copy has to come first. */
  | { readonly kind: 'queue-overflowed' }
  /** Another pair of the group has lost its partner: the flow has ended with this. */
  | { readonly kind: 'parted' }
  /** At the source's own clients' writes the flow goes on; otherwise it has ended with this. */
  | { readonly kind: 'failed'; readonly element: 'source' | 'target' | 'space'; readonly reason: string };

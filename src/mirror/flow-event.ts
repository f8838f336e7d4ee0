/** What a flow tells whoever keeps its association. `on` must only note it. */
export type FlowEvent =
  | { readonly kind: 'copy-started' }
  | { readonly kind: 'progress'; readonly leftBytes: number }
  | { readonly kind: 'copy-finished' }
  /** The target lacks something that is only marked: a copy has to come first. */
  | { readonly kind: 'fell-behind' }
  /** Another pair of the group has lost its partner: the flow has ended with this. */
  | { readonly kind: 'parted' }
  /** The flow has ended with this. */
  | { readonly kind: 'failed'; readonly element: 'source' | 'target' | 'space'; readonly reason: string };

/**
 * What the examples of docstrings use of `@effect/platform-node` for Effect 3, which is not installed here.
 */
declare module "@effect/platform-node" {
  import type { FileSystem } from "@effect/platform/FileSystem"
  import type { Path } from "@effect/platform/Path"
  import type { Effect } from "effect/Effect"
  import type { Layer } from "effect/Layer"

  export const NodeContext: { readonly layer: Layer<FileSystem | Path> }
  export const NodeRuntime: { readonly runMain: <A, E>(effect: Effect<A, E>) => void }
}

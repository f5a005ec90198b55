/**
 * A `BroadcastChannel` for as long as a scope.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

const opened = (name: string): Effect.Effect<BroadcastChannel, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new BroadcastChannel(name)),
    (channel) => Effect.sync(() => channel.close())
  )

/** The messages of a channel from now on, in their order. */
export const listen = <In>(name: string): Effect.Effect<Queue.Dequeue<In>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const received = yield* Queue.unbounded<In>()
    const channel = yield* opened(name)
    channel.addEventListener("message", ({ data }: MessageEvent<In>) => void Queue.offerUnsafe(received, data))
    return received
  })

/** Sends to every listener of the channel, until the scope ends. */
export const speak = <Out>(name: string): Effect.Effect<(message: Out) => void, never, Scope.Scope> =>
  Effect.gen(function*() {
    let isOpen = true
    const channel = yield* opened(name)
    const post: (message: Out) => void = channel.postMessage.bind(channel)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isOpen = false
      })
    )
    return (message) => {
      if (isOpen) post(message)
    }
  })

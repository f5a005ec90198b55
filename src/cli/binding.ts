/**
 * TCP from one address of this machine.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import type { Connect } from "../node/NodeMqtt.ts"

/**
 * A connection from this address.
 *
 * @since 0.2.0
 * @category constructors
 */
export const connectFrom = (localAddress: string): Connect => ({ host, port }) =>
  Effect.acquireRelease(
    Effect.sync(() => Net.connect({ host, port, localAddress, noDelay: true })),
    (socket) => Effect.sync(() => void socket.destroy())
  ).pipe(
    Effect.tap((socket) =>
      Effect.callback<void, unknown>((resume) => {
        socket.once("connect", () => resume(Effect.void))
        socket.once("error", (cause) => resume(Effect.fail(cause)))
      })
    )
  )

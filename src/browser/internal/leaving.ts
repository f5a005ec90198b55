/**
 * How a client leaves with its page: it sends DISCONNECT, and connects again if the page comes back or stays.
 *
 * A browser lets a page that is left do nothing that waits, so the packet leaves within the event.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { MqttClient } from "../../MqttClient.ts"
import type { Haste } from "./haste.ts"
import * as Page from "./page.ts"

/** A page that is still there after this time stays. */
const mayStay = "5 seconds"

/** Listens for as long as the scope. */
export const listen = (
  { disconnect, replaceConnection }: Pick<MqttClient["Service"], "disconnect" | "replaceConnection">,
  haste: Haste
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function*() {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const leave = () => {
      haste.hold()
      run(replaceConnection)
    }
    const stay = () => haste.release()
    let staying: Fiber.Fiber<void> | undefined
    yield* Effect.addFinalizer(() => Effect.sync(() => staying?.interruptUnsafe()))
    yield* Page.onLeaving(() => {
      leave()
      staying?.interruptUnsafe()
      staying = run(Effect.delay(Effect.sync(stay), mayStay))
    })
    yield* Page.onLeft((isKept) => {
      leave()
      // Also reaches a server that has not accepted yet.
      if (!isKept) run(disconnect)
    })
    yield* Page.onBack(stay)
  })

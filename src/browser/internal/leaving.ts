/**
 * What a client does when its page is left: it says DISCONNECT, and connects again if the page comes back or stays.
 *
 * A browser lets a page that is left do nothing that waits, so the packet leaves within the event.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttClient } from "../../MqttClient.ts"
import type { Haste } from "./haste.ts"
import * as Page from "./page.ts"

/** For as long as the scope. */
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
    yield* Page.onLeaving(leave, stay)
    yield* Page.onLeft((isKept) => {
      leave()
      // Also tells a server that has not accepted yet.
      if (!isKept) run(disconnect)
    })
    yield* Page.onBack(stay)
  })

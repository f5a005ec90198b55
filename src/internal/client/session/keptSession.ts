/**
 * The client's half of a session that is to persist: it goes on from where the store has it, and goes back there when the
 * client ends.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as MqttError from "../../../MqttError.ts"
import { MqttStore } from "../../../MqttStore.ts"
import type { Resolved } from "../../options.ts"
import type { SessionRunner } from "./sessionRunner.ts"

export const keep = Effect.fnUntraced(function*(
  { clientId, session }: Resolved,
  runner: SessionRunner
): Effect.fn.Return<void, MqttError.MqttError, Scope.Scope> {
  if (session === "clean") return
  const store = yield* MqttStore
  if (session === "persistent") {
    const snapshot = yield* store.load(clientId)
    if (snapshot !== undefined) runner.restore(snapshot)
  } else {
    yield* store.remove(clientId)
  }
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => store.save(clientId, runner.snapshot)).pipe(
      Effect.catch((error) => Effect.logError("The session could not be saved", error))
    )
  )
})

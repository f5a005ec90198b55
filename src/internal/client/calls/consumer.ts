/**
 * Consuming: each message goes through a handler, and is acknowledged when the handler is done with it.
 *
 * The subscriber subscribes and leaves; the session keeps the order of acknowledgements.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import { PacedLog } from "../../pacedLog.ts"
import type { ConsumeOptions } from "../../receivingOptions.ts"
import * as ReceivingTypes from "../../receivingTypes.ts"
import { type Counts, mending } from "./attempts.ts"
import { DeadLetters } from "./deadLetters.ts"
import { handling } from "./handling.ts"
import { Held, type Holding } from "./held.ts"
import type { Instrument } from "./instrument.ts"
import type { Publisher } from "./publisher.ts"
import { Workers } from "./workers.ts"
import { wrongReceiving } from "./wrongTypes.ts"

export interface Consuming extends Holding {
  readonly instrument: Instrument | undefined
  readonly publisher: Publisher
  readonly counts: Counts
}

export const make = (client: Consuming) =>
<E, R>(
  topicFilter: string | ReadonlyArray<string>,
  handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>,
  options: ConsumeOptions = {}
): Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R> =>
  Effect.contextWith((context) => {
    const given = { topicFilter, handler: [handler], options, fields: ReceivingTypes.consume } as const
    const wrong = wrongReceiving(given, client.runner.protocolVersion)
    if (wrong !== undefined) return Effect.fail(wrong)
    const { attempts, concurrency = 1, deadLetter, key, onFailure } = options
    const held = new Held(client, topicFilter, options)
    const deadLetters = deadLetter === undefined ? undefined : new DeadLetters(client, deadLetter, held.topicFilters)
    if (deadLetters?.problem !== undefined) return Effect.fail(deadLetters.problem)
    const isEnding = (): boolean => workers.isEnding
    const isMending = attempts !== undefined || deadLetters !== undefined
    const workers = new Workers({
      pull: held.inbox.pull,
      concurrency,
      key,
      context,
      handling: handling<E, R>({
        handler: client.instrument?.handler(topicFilter, handler) ?? handler,
        onFailure,
        held,
        paced: new PacedLog(),
        isEnding,
        mend: isMending ? mending({ ...client, attempts, deadLetters, held, isEnding }) : undefined
      })
    })
    return consuming(client, { options, held, workers })
  })

interface Consumer<E, R> {
  readonly options: ConsumeOptions
  readonly held: Held
  readonly workers: Workers<E, R>
}

/** How long handlers may take to finish. */
const drainTimeout = "5 seconds"

const consuming = <E, R>(
  client: Consuming,
  { held, options, workers }: Consumer<E, R>
): Effect.Effect<void, E | MqttError.MqttError> => {
  const scope = Scope.makeUnsafe()
  let linger: Effect.Effect<void> = Effect.void
  // The second in which somebody may come back for the subscription begins only when all work is done.
  const lingerLater: Holding["linger"] = (release) => Effect.sync(() => void (linger = client.linger(release)))
  const taking = held.subscribed(lingerLater).pipe(Effect.andThen(workers.run), Scope.provide(scope))
  const end = Effect.fnUntraced(function*() {
    workers.stop()
    yield* Scope.close(scope, Exit.void)
    held.giveBack(workers.handled)
    yield* workers.finish(options.drainTimeout ?? drainTimeout)
    held.giveBack()
    yield* linger
  })
  return (options.until === undefined ? taking : Effect.raceFirst(taking, options.until)).pipe(
    Effect.onExit(end),
    // Reports a worker that failed while the others finished.
    Effect.andThen(Effect.suspend(() => workers.failure))
  )
}

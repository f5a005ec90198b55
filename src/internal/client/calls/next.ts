/**
 * Waiting for one message: it is acknowledged as it is returned, and other messages that came with it go back.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import * as failures from "../../connection/failures.ts"
import { within } from "../../nextTimeout.ts"
import type { NextOptions } from "../../receivingOptions.ts"
import * as ReceivingTypes from "../../receivingTypes.ts"
import { Held, type Holding } from "./held.ts"
import { wrongReceiving } from "./wrongTypes.ts"

export const make = (client: Holding) =>
(
  topicFilter: string | ReadonlyArray<string>,
  options: NextOptions = {}
): Effect.Effect<MqttMessage, MqttError.MqttError> =>
  Effect.suspend(() => {
    const wrong = wrongReceiving({ topicFilter, options, fields: ReceivingTypes.next }, client.runner.protocolVersion)
    if (wrong !== undefined) return Effect.fail(wrong)
    const held = new Held(client, topicFilter, options)
    const first = held.subscribed().pipe(
      Effect.andThen(held.inbox.pull),
      Effect.map(([delivery]) => delivery),
      Effect.catchIf(Cause.isDone, () => Effect.fail(client.lifetime.closedBy ?? failures.closed)),
      Effect.scoped
    )
    const inTime = within(first, held.topicFilters.join(" "), options.timeout)
    // The subscription has ended. Nothing can come between acknowledgement and return, not even an interruption.
    return Effect.onExitPrimitive(inTime, (exit) => {
      if (Exit.isSuccess(exit)) held.settle(exit.value, 0x00)
      held.giveBack()
      return undefined
    }).pipe(Effect.map(({ message }) => message))
  })

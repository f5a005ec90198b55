/**
 * The calls that a program makes on a client, put together: each call has a module of its own.
 *
 * Connecting, presence and the end of a client are elsewhere.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import type { MqttError } from "../../../MqttError.ts"
import type { ConnectionState, Stats } from "../../../MqttState.ts"
import type { RequestOptions } from "../../clientOptions.ts"
import type { Resolved } from "../../options.ts"
import type { Subscribing } from "../incoming/subscribing.ts"
import type { Lifetime } from "../lifetime.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import * as SessionStats from "../session/stats.ts"
import * as BrokerUp from "./brokerUp.ts"
import * as Consumer from "./consumer.ts"
import * as Held from "./held.ts"
import { type Instrument, Measuring } from "./instrument.ts"
import { ObservedPublisher } from "./observedPublisher.ts"
import { allowStart, Publisher } from "./publisher.ts"
import * as Receiving from "./receiving.ts"
import * as Replacing from "./replacing.ts"
import { Requests } from "./requests.ts"
import * as Responder from "./responder.ts"
import * as Subscribe from "./subscribe.ts"
import { Timeouts } from "./timeouts.ts"

export interface CallsOptions {
  readonly options: Resolved
  readonly runner: SessionRunner<Subscribing>
  readonly lifetime: Lifetime
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** The scope of the client. */
  readonly scope: Scope.Scope
  /** The attributes of the client's metrics. */
  readonly attributes: Readonly<Record<string, string>>
  readonly tracing: Instrument | undefined
}

export const make = Effect.fnUntraced(
  function*({ attributes, lifetime, options, runner, scope, state, tracing }: CallsOptions) {
    const { outboxAge, responseTimeout, responseTopic } = options
    const context = yield* Effect.context()
    const holding = yield* Held.holding({ runner, lifetime, options, scope })
    const subscribe = Subscribe.make(holding)
    const instrument = yield* (yield* Measuring)(attributes, tracing)
    const publishing = { runner, lifetime, clock: Context.get(context, Clock.Clock), outboxAge }
    const publisher = instrument === undefined
      ? new Publisher(publishing)
      : new ObservedPublisher(publishing, instrument)
    if (instrument === undefined) allowStart(publisher)
    const counts = { handlerRetries: 0, deadLetters: 0 }
    const consume = Consumer.make({ ...holding, instrument, publisher, counts })
    /** Made for the first request. */
    let requests: Requests | undefined
    const { flush, publish, publishAsync, publishSink } = publisher
    return {
      calls: {
        publish,
        publishAsync,
        publishSink,
        flush,
        subscribe,
        ...Receiving.make(holding, subscribe),
        consume,
        request: (topic: string, payload: Parameters<Requests["request"]>[1], requestOptions?: RequestOptions) => {
          requests ??= new Requests({
            runner,
            lifetime,
            publisher,
            subscribe,
            state,
            scope,
            timeouts: new Timeouts(context, scope),
            responseTopic
          })
          return requests.request(topic, payload, requestOptions)
        },
        respond: Responder.make({ runner, publisher, consume }),
        ...BrokerUp.make({ runner, responseTimeout, scope }),
        replaceConnection: Replacing.make(runner, options)
      },
      stats: (): Stats => ({ ...SessionStats.of(runner), ...counts, answersDropped: requests?.dropped ?? 0 }),
      /** The client is over. */
      end: (error: MqttError): void => requests?.end(error)
    }
  }
)

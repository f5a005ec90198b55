/**
 * The parts of a world, put together as a plan says: the broker, the network, the client and the program that uses it.
 *
 * `Steps` acts on them. `World` brings them to rest.
 */
import { type Clock, Duration, Effect, Schedule, Scope } from "effect"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import * as Authorize from "./calls/authorize.ts"
import { Caller } from "./calls/Caller.ts"
import * as Hooks from "./calls/hooks.ts"
import * as Service from "./calls/Service.ts"
import * as Observations from "./Observations.ts"
import type { Backoff, ClientPlan, Limits, Plan } from "./Plan.ts"
import { Program } from "./Program.ts"
import { earlierLife } from "./server/earlierLife.ts"
import { passingOn } from "./server/oddities.ts"
import * as Tape from "./server/Tape.ts"

export const clientId = "client"

const toSchedule = ({ cap, first, isJittered }: Backoff): Schedule.Schedule<unknown, MqttError> => {
  const backoff = Schedule.min([Schedule.exponential(first), Schedule.spaced(cap)])
  return isJittered ? Schedule.jittered(backoff) : backoff
}

const toOptions = (plan: ClientPlan, line: Hooks.Line): MqttClient.Options => ({
  clientId,
  protocolVersion: plan.version,
  session: plan.session,
  initialConnection: "retry",
  keepAlive: Duration.seconds(plan.keepAlive),
  connectTimeout: plan.connectTimeout,
  responseTimeout: plan.responseTimeout,
  drainTimeout: plan.drainTimeout,
  stableAfter: plan.stableAfter,
  ...Hooks.optionsOf(plan, line, toSchedule(plan.backoff)),
  maxInFlight: plan.maxInFlight,
  receiveMaximum: plan.receiveMaximum,
  outbox: plan.outbox,
  ...(plan.retriesEverything ? { isRetryable: () => true } : {}),
  ...(plan.quarantines ? {} : { retransmit: Schedule.forever }),
  ...(plan.pingInterval === undefined ? {} : { pingInterval: plan.pingInterval }),
  ...(plan.maximumPacketSize === undefined ? {} : { maximumPacketSize: plan.maximumPacketSize }),
  ...(plan.hasWill ? { will: { topic: "will", payload: "gone" } } : {})
})

/** What the broker can be told anew at each start. */
const limitNames = [
  "receiveMaximum",
  "maximumPacketSize",
  "maximumQos",
  "retainAvailable",
  "topicAliasMaximum",
  "serverKeepAlive"
] as const

export type BrokerOptions = { -readonly [Name in keyof MemoryBroker.Options]: MemoryBroker.Options[Name] }

/** What a world is made of. */
export interface Parts {
  readonly plan: Plan
  readonly observations: Observations.Observations
  readonly clock: Clock.Clock
  readonly jump: (milliseconds: number) => void
  readonly brokerOptions: BrokerOptions
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  readonly network: FakeNetwork.FakeNetwork["Service"]
  readonly client: MqttClient.MqttClient["Service"]
  readonly clientScope: Scope.Closeable
  readonly program: Program
  readonly caller: Caller
}

export const nowOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

export const limitsOf = (plan: Plan, limits: Limits): Limits => plan.client.version === "3.1.1" ? {} : limits

export const setLimits = (options: BrokerOptions, limits: Limits): void => {
  for (const name of limitNames) Object.assign(options, { [name]: limits[name] })
}

/** Notes whether the broker has lost the session with it. */
export const losing = Effect.fnUntraced(function*(
  { broker, clock, observations }: Pick<Parts, "broker" | "clock" | "observations">,
  effect: Effect.Effect<void>
) {
  const before = yield* broker.session(clientId)
  yield* effect
  const after = yield* broker.session(clientId)
  if (before !== undefined && after === undefined) observations.lostAt.push(nowOf(clock))
})

/** Notes when an attempt begins, opens and ends. */
const watchAttempts = (
  transport: MqttTransport["Service"],
  { attempts }: Observations.Observations,
  now: () => number
): MqttTransport["Service"] => {
  const open = Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const attempt: Observations.Attempt = {
        startedAt: now(),
        openedAt: undefined,
        endedAt: undefined,
        acceptedAt: undefined,
        sessionPresent: undefined,
        endedBy: undefined,
        tape: Tape.make()
      }
      attempts.push(attempt)
      const ended = Effect.sync(() => {
        attempt.endedAt ??= now()
      })
      // Registered before the connection is, so it comes after it.
      return Effect.addFinalizer(() => ended).pipe(
        Effect.andThen(restore(transport.open)),
        Effect.map((connection) => {
          attempt.openedAt = now()
          return Tape.record(connection, attempt.tape, now)
        })
      )
    })
  )
  return MqttTransport.of({ ...transport, open })
}

export const make = Effect.fnUntraced(function*(
  plan: Plan,
  clock: Clock.Clock,
  jump: (milliseconds: number) => void
): Effect.fn.Return<Parts, never, Scope.Scope> {
  const observations = Observations.make(plan)
  const now = () => nowOf(clock)
  const { overlappingSubscriptions, server = {}, usesTopicAliases } = plan
  const { maximumInflightMessages, minimumConnectInterval, receiveMaximumExcess, redelivery, reportsIdentifierInUse } =
    server
  const brokerOptions: BrokerOptions = {
    overlappingSubscriptions,
    usesTopicAliases,
    maximumInflightMessages,
    minimumConnectInterval,
    receiveMaximumExcess,
    redelivery,
    reportsIdentifierInUse,
    authorizePublish: Authorize.make(),
    ...(plan.client.authenticates === true
      ? { exchangeAuthentication: ({ round }) => round === 1 ? { _tag: "Continue" } : { _tag: "Success" } }
      : {})
  }
  setLimits(brokerOptions, limitsOf(plan, plan.limits))
  const { cuts, losesSession, network: { connectDelay, highWaterMark, latency } } = plan
  const broker = yield* MemoryBroker.make(brokerOptions)
  const accept: FakeNetwork.Accept = (peer) =>
    Effect.suspend(() => {
      const mine = cuts.filter(({ connection }) => connection === peer.connection)
      const cutting = Effect.forEach(
        mine,
        ({ connection, ...cut }) => network.inject({ _tag: "CutAfter", ...cut }, connection),
        { discard: true }
      )
      const isLost = losesSession && peer.connection === 2
      const forgetting = losing({ broker, clock, observations }, broker.restart({ keepSessions: false }))
      return cutting.pipe(
        Effect.andThen(isLost ? forgetting : Effect.void),
        Effect.andThen(broker.accept(passingOn(peer)))
      )
    })
  const { network, transport } = yield* FakeNetwork.make(accept, {
    latency,
    connectDelay,
    failedConnectDelay: connectDelay * 2,
    highWaterMark
  })
  if (server.unfinishedBefore !== undefined) {
    yield* earlierLife({
      plan,
      broker,
      observations,
      options: toOptions(plan.client, { inside: undefined }),
      count: server.unfinishedBefore
    })
  }
  const clientScope = yield* Scope.make()
  const line: Hooks.Line = { inside: undefined }
  const client = yield* MqttClient.make(toOptions(plan.client, line)).pipe(
    Effect.provideService(MqttTransport, watchAttempts(transport, observations, now)),
    Scope.provide(clientScope),
    Effect.orDie
  )
  const scope = yield* Scope.fork(yield* Effect.scope)
  const program = new Program(client, observations, clock, scope)
  const caller = new Caller({ client, observations, clock, scope, nextId: () => program.nextId() })
  line.inside = (inside) => caller.inside(inside)
  yield* Effect.forkIn(Service.run(broker, observations, clock), clientScope)
  return { plan, observations, clock, jump, brokerOptions, broker, network, client, clientScope, program, caller }
})

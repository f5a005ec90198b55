/**
 * The effects of a plan's steps on the program, the network, the broker and the clock.
 */
import { Effect, Exit, Scope } from "effect"
import { HostNotFound } from "../../src/MqttError.ts"
import type { Qos } from "../../src/protocol/Packet.ts"
import * as Topic from "../../src/protocol/Topic.ts"
import { isSessionKnown } from "./invariants/sessions.ts"
import * as Observations from "./Observations.ts"
import * as Parts from "./Parts.ts"
import type { Action, Limits } from "./Plan.ts"
import { marker } from "./server/oddities.ts"

const hangingUpOn = {
  Publish: "closeWhenSeeing",
  Pubrel: "closeWhenReleasing",
  Subscribe: "closeWhenSubscribing",
  Unsubscribe: "closeWhenUnsubscribing"
} as const

export class Steps {
  readonly #parts: Parts.Parts
  #limits: Limits

  constructor(parts: Parts.Parts) {
    this.#parts = parts
    this.#limits = Parts.limitsOf(parts.plan, parts.plan.limits)
  }

  /** In force for the server as it was started last. */
  get limits(): Limits {
    return this.#limits
  }

  #setLimits(limits: Limits): void {
    this.#limits = Parts.limitsOf(this.#parts.plan, limits)
    Parts.setLimits(this.#parts.brokerOptions, this.#limits)
  }

  perform(action: Action): Effect.Effect<void> {
    const { broker, caller, network, plan, program } = this.#parts
    switch (action._tag) {
      case "EmitTo":
        return this.#emitTo(action)
      case "Join":
      case "Work":
      case "Job":
      case "Follow":
      case "Request":
      case "Respond":
      case "Typed":
      case "PublishTyped":
      case "Flush":
      case "Reauthenticate":
      case "DisconnectWith":
        return caller.perform(action)
      case "Publish":
        return program.publish(action)
      case "Subscribe":
        return program.subscribe(action)
      case "Consume":
        return program.consume(action)
      case "Emit":
        return this.emit(action)
      case "Fault":
        return Effect.andThen(this.#noteSilence(action), network.inject(action.fault, action.target))
      case "RefuseConnect":
        return network.refuseConnect(action.times)
      case "HostNotFound":
        return network.failConnect(action.times, new HostNotFound({ host: "broker.test" }))
      case "HangConnect":
        return network.hangConnect(action.times)
      case "IgnoreConnect":
        return broker.ignoreConnect(action.times)
      case "RefuseSession":
        return broker.refuseSession(plan.client.version === "5.0" ? action.reasonCode : 3, action)
      case "RefuseSubscribe":
        return broker.refuseSubscribe(action.reasonCode)
      case "ServerDisconnect":
        return broker.disconnectClient(Parts.clientId, action.reasonCode)
      case "Kick":
        return broker.kick(Parts.clientId)
      case "Restart":
        return Effect.andThen(
          action.keepSessions ? broker.restart(action) : Parts.losing(this.#parts, broker.restart(action)),
          Effect.sync(() => this.#setLimits(action.limits ?? this.#limits))
        )
      case "Lie":
        return broker.lieAboutSessionPresent(action.sessionPresent)
      case "ExpireSession":
        return Parts.losing(this.#parts, broker.expireSession(Parts.clientId))
      case "HoldAcknowledgements":
        // No server answers the PINGREQ behind a PUBREL and keeps the PUBCOMP to itself.
        return plan.server?.unfinishedBefore === undefined
          ? broker.holdAcknowledgements()
          : broker.holdAcknowledgements("Puback", "Pubrec")
      case "ReleaseAcknowledgements":
        return broker.releaseAcknowledgements()
      case "DelayAnswers":
        return broker.delayAnswers(action.delay)
      case "JumpClock":
        return Effect.sync(() => this.#parts.jump(action.by))
      case "Ask":
        return program.ask(action.what)
      case "Stall":
        return broker.stall(action.duration)
      case "HangUpOn":
        return broker[hangingUpOn[action.packet]](action.topic)
      case "Stray":
        return this.#stray(action)
      case "End":
        return this.end(action.how)
    }
  }

  emit(action: Extract<Action, { readonly _tag: "Emit" }>): Effect.Effect<void> {
    const { broker, plan, program } = this.#parts
    const { count, oddity, properties: bytes = 0, qos, size, topic } = action
    const properties = oddity === undefined
      ? bytes === 0 ? {} : Observations.propertiesOf(bytes)
      : { userProperties: [marker(oddity)] }
    const mayBeDropped = size >= (plan.client.maximumPacketSize ?? Infinity)
    const one = Effect.gen({ self: this }, function*() {
      const id = program.nextId()
      yield* this.#noteEmission({
        id,
        topic,
        qos,
        cost: topic.length + size + bytes,
        mayBeDropped,
        isOwed: !mayBeDropped
      })
      yield* broker.publish(topic, Observations.payloadOf(id, size), { qos, properties })
    })
    return Effect.forEach(Array.from({ length: count }), () => one, { discard: true })
  }

  /** A message that no subscription asked for. What the client has a subscription for all the same, it is owed. */
  #stray({ count, identifier, qos, size, topic }: Extract<Action, { readonly _tag: "Stray" }>): Effect.Effect<void> {
    const { broker, observations, program } = this.#parts
    const identifiers = identifier === undefined ? undefined : [identifier]
    // In a session that the client does not know, the identifier may be that of a program before it.
    const isOwed = identifier !== undefined && isSessionKnown(observations)
    const one = Effect.gen({ self: this }, function*() {
      const id = program.nextId()
      yield* this.#noteEmission({
        id,
        topic,
        qos,
        cost: topic.length + size,
        mayBeDropped: !isOwed,
        isOwed
      })
      const options = { qos, subscriptionIdentifiers: identifiers }
      yield* broker.deliver(Parts.clientId, topic, Observations.payloadOf(id, size), options)
    })
    return Effect.forEach(Array.from({ length: count }), () => one, { discard: true })
  }

  /** What the client is owed of a message, by the subscriptions that its session has now. */
  #noteEmission({ cost, id, isOwed, mayBeDropped, qos, topic }: {
    readonly id: number
    readonly topic: string
    readonly qos: Qos
    readonly cost: number
    readonly isOwed: boolean
    readonly mayBeDropped: boolean
  }): Effect.Effect<void> {
    const { broker, clock, observations, plan } = this.#parts
    return Effect.map(broker.session(Parts.clientId), (session) => {
      const subscriptions = isOwed ? session?.subscriptions ?? [] : []
      const matching = subscriptions.filter(({ topicFilter }) => Topic.matches(topicFilter, topic))
      const highest = Math.max(...matching.map((subscription) => subscription.qos))
      const owedAt = matching.length === 0 ? undefined : Math.min(qos, highest) as Qos
      const owedFor = new Map(matching.map((subscription) => {
        const granted = plan.overlappingSubscriptions === "each" ? subscription.qos : highest
        return [subscription.topicFilter, Math.min(qos, granted) as Qos]
      }))
      observations.emitted.push({ id, topic, cost, mayBeDropped, at: Parts.nowOf(clock), owedAt, owedFor })
    })
  }

  #emitTo(action: Extract<Action, { readonly _tag: "EmitTo" }>): Effect.Effect<void> {
    const { broker, caller, observations, program } = this.#parts
    const { qos, responseTopic, retain, size, topic } = action
    const one = Effect.suspend(() => {
      const id = program.nextId()
      observations.seen.emitted.push({ id, topic, qos, ...caller.point() })
      const properties = responseTopic === undefined ? {} : { properties: { responseTopic } }
      return broker.publish(topic, Observations.payloadOf(id, size), { qos, retain, ...properties })
    })
    return Effect.forEach(Array.from({ length: action.count }), () => one, { discard: true })
  }

  #noteSilence({ fault }: Extract<Action, { readonly _tag: "Fault" }>): Effect.Effect<void> {
    if (fault._tag !== "Drop") return Effect.void
    const { clock, network, observations } = this.#parts
    return Effect.map(network.connections, (connections) => {
      for (const { isOpen, number } of connections) {
        if (isOpen) observations.silenced.push({ connection: number, at: Parts.nowOf(clock) })
      }
    })
  }

  end(how: "scope" | "disconnect" | "disconnectWithWill"): Effect.Effect<void> {
    const { client, clientScope, clock, observations, program } = this.#parts
    const closing = how === "scope" ? Scope.close(clientScope, Exit.void) : client[how]
    return Effect.andThen(
      Effect.sync(() => {
        observations.closedAt ??= Parts.nowOf(clock)
      }),
      program.call(how, closing)
    )
  }
}

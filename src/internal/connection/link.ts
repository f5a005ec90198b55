/**
 * One network connection at work: its writer, its reading, its Keep Alive and its end, around the pure rules.
 *
 * The public face of it is `MqttConnection`. It keeps no session and opens nothing.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as MqttError from "../../MqttError.ts"
import type { NetworkConnection } from "../../MqttTransport.ts"
import * as Connection from "../../protocol/Connection.ts"
import * as Decoder from "../../protocol/Decoder.ts"
import * as Encoder from "../../protocol/Encoder.ts"
import * as KeepAlive from "../../protocol/KeepAlive.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as PacketDeadline from "../../protocol/PacketDeadline.ts"
import * as Properties from "../../protocol/Properties.ts"
import type { InvalidPacket, ProtocolViolation } from "../../protocol/ProtocolError.ts"
import * as TopicAliases from "../../protocol/TopicAliases.ts"
import * as failures from "./failures.ts"
import type { PacketLog } from "./packetLog.ts"
import type * as Traffic from "./traffic.ts"
import { Writer } from "./writer.ts"

export interface LinkOptions {
  readonly connect: Packet.Connect
  readonly network: NetworkConnection
  /** Closing it closes the network connection and ends the fibers. */
  readonly scope: Scope.Closeable
  readonly maximumPacketSize: number
  /** Milliseconds. */
  readonly packetTimeout: number
  /** Milliseconds. */
  readonly pingInterval: number | undefined
  readonly drainTimeout: Duration.Input
  readonly fill: () => void
  /** Counted into. */
  readonly traffic: Traffic.Counters
  /** Told of every packet, if somebody wants to see them. */
  readonly packetLog: PacketLog | undefined
  /** How many Topic Aliases are assigned at most, if the server takes as many. */
  readonly outgoingTopicAliasMaximum: number
  readonly authenticate:
    | ((auth: Packet.Auth) => Effect.Effect<Packet.Auth | undefined, MqttError.MqttError>)
    | undefined
}

/** What else has its time on a connection. One fiber serves it and Keep Alive: each is 2 KiB of an idle client. */
export interface Deadlines {
  /** When to look, milliseconds; sooner does no harm. */
  readonly due: (now: number) => number
  /** Does what is due. The timer was late by so many milliseconds. */
  readonly look: (now: number, late: number) => Effect.Effect<void>
}

export const noDeadlines: Deadlines = { due: () => Infinity, look: () => Effect.void }

type Packets = ReadonlyArray<Connection.SessionPacket>

const pingreq: Packet.Pingreq = { _tag: "Pingreq" }

const isPingresp = ({ _tag }: { readonly _tag: string }): boolean => _tag === "Pingresp"

export const disconnectPacket = (reasonCode: number, properties = Properties.none): Packet.Disconnect => ({
  _tag: "Disconnect",
  reasonCode,
  properties
})

const nothing = (): void => {}

export class Link {
  readonly #options: LinkOptions
  readonly #clock: Clock.Clock
  readonly #encoder: Encoder.Encoder
  readonly #decoder: Decoder.Decoder
  readonly #writer: Writer
  readonly #ended = Deferred.makeUnsafe<never, MqttError.MqttError>()
  /** Those who wait for a sign of life. */
  #hearing: Set<() => void> | undefined
  #connection: Connection.Connection
  #connack: Packet.Connack | undefined
  /** There from the first PUBLISH on that may have one. */
  #topicAliases: TopicAliases.TopicAliases | undefined
  #mostAliases = 0
  #failure: MqttError.MqttError | undefined
  /** From when CONNECT is on its way; ends once the network takes no more. */
  #writing: Fiber.Fiber<void> | undefined
  /** From when this side began to close the network connection; done once it is closed. */
  #closed: Deferred.Deferred<void> | undefined
  #isPulling = false
  /** When the PINGREQ was sent whose PINGRESP tells the round trip. */
  #pingSent: number | undefined
  #packetDeadline: PacketDeadline.PacketDeadline
  #isWatchingPacket = false
  /** Packets that came in the same bytes as CONNACK. */
  #early: Packets = []

  constructor(options: LinkOptions, clock: Clock.Clock, scheduler: Scheduler.Scheduler) {
    const { protocolVersion } = options.connect
    this.#options = options
    this.#clock = clock
    this.#encoder = Encoder.make({ protocolVersion, sender: "client" })
    this.#decoder = Decoder.make({ protocolVersion, sender: "server", maximumPacketSize: options.maximumPacketSize })
    this.#packetDeadline = PacketDeadline.make(options.packetTimeout)
    this.#connection = Connection.make({
      connect: options.connect,
      pingInterval: options.pingInterval,
      now: this.now()
    })
    this.#writer = new Writer({
      encoder: this.#encoder,
      network: options.network,
      fill: options.fill,
      scheduler,
      packetLog: options.packetLog,
      onBatch: (bytes, packets) => {
        const { traffic } = options
        traffic.bytesSent += bytes
        traffic.packetsSent += packets
        this.#connection = Connection.sent(this.#connection, this.now())
      }
    })
  }

  get connection(): Connection.Connection {
    return this.#connection
  }

  /** The one the server assigned, or ours. */
  get clientId(): string {
    return this.#connack?.properties.assignedClientIdentifier ?? this.#connection.connect.clientId
  }

  get unsent(): number {
    return this.#writer.unsent
  }

  /** Milliseconds of a clock that does not jump, as the wall clock does. */
  now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Starts the writer, sends CONNECT, and reads until the server has accepted. */
  get open(): Effect.Effect<Packet.Connack, MqttError.MqttError> {
    return Effect.gen({ self: this }, function*() {
      const invalid = this.#writer.enqueue(this.#options.connect)
      if (invalid !== undefined) return yield* MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
      this.#writing = yield* Effect.forkIn(this.#writes, this.#options.scope, { startImmediately: true })
      while (this.#connack === undefined) this.#early = yield* this.#read
      return this.#connack
    })
  }

  get #writes(): Effect.Effect<void> {
    return Effect.catchCause(this.#writer.run, (cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.void
      this.end(failures.fromCause(cause))
      return this.#options.network.abort
    })
  }

  // -------------------------------------------------------------------------
  // Out
  // -------------------------------------------------------------------------

  /** What is enqueued after the end goes nowhere: whoever waits learns of the end. */
  enqueue(packet: Packet.ClientPacket): InvalidPacket | undefined {
    if (this.#failure !== undefined) return undefined
    if (packet._tag === "Publish") return this.#enqueuePublish(packet)
    return packet._tag === "Auth" ? this.#enqueueAuth(packet) : this.#writer.enqueue(packet)
  }

  #enqueuePublish(publish: Packet.Publish): InvalidPacket | undefined {
    if (this.#mostAliases === 0 && publish.properties.topicAlias === undefined) return this.#writer.enqueue(publish)
    const { maximumPacketSize } = this.#connection.limits
    this.#topicAliases ??= TopicAliases.make({ maximum: this.#mostAliases, maximumPacketSize })
    return this.#topicAliases.encode(publish, this.#write)
  }

  readonly #write = (packet: Packet.ClientPacket): InvalidPacket | undefined => this.#writer.enqueue(packet)

  #enqueueAuth(auth: Packet.Auth): InvalidPacket | undefined {
    const invalid = Connection.checkAuth(this.#connection, auth) ?? this.#writer.enqueue(auth)
    if (invalid === undefined) this.#connection = Connection.authSent(this.#connection, auth)
    return invalid
  }

  wake(): void {
    this.#writer.wake()
  }

  wakeAfterReading(): void {
    this.#writer.wakeAfterReading()
  }

  onWritten(written: () => void, begun?: () => void): void {
    this.#writer.onWritten(written, begun)
  }

  send(packet: Packet.ClientPacket): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      if (this.#failure !== undefined) return Effect.fail(this.#failure)
      const { connect: { protocolVersion }, limits } = this.#connection
      const exceeded = failures.checkLimits(limits, packet)
      if (exceeded !== undefined) return Effect.fail(exceeded)
      const invalid = this.enqueue(packet)
      if (invalid !== undefined) return Effect.fail(failures.fromInvalid(invalid, packet, { limits, protocolVersion }))
      return Effect.raceFirst(this.#written, this.ended)
    })
  }

  get #written(): Effect.Effect<void> {
    return Effect.callback((resume) => this.#writer.onWritten(() => resume(Effect.void)))
  }

  // -------------------------------------------------------------------------
  // In
  // -------------------------------------------------------------------------

  /** The next packets for the session. */
  get pull(): Effect.Effect<Packets, MqttError.MqttError> {
    if (this.#early.length === 0) return this.#read
    return Effect.suspend(() => {
      const early = this.#early
      this.#early = []
      return early.length === 0 ? this.#read : Effect.succeed(early)
    })
  }

  /** Reads until there is something for the session, or something happened to the connection. */
  readonly #read: Effect.Effect<Packets, MqttError.MqttError> = Effect.suspend(() => {
    if (this.#failure !== undefined) return Effect.fail(this.#failure)
    this.#isPulling = true
    if (this.#packetDeadline.begun !== undefined) {
      this.#packetDeadline = PacketDeadline.resumed(this.#packetDeadline, this.now())
    }
    return this.#options.network.pull
  }).pipe(
    Effect.onExit(() => {
      this.#isPulling = false
      if (this.#packetDeadline.begun !== undefined) {
        this.#packetDeadline = PacketDeadline.paused(this.#packetDeadline, this.now())
      }
      return Effect.void
    }),
    Effect.mapError((error) => this.end(error)),
    Effect.flatMap((chunks) => this.#receive(chunks))
  )

  #receive(chunks: ReadonlyArray<Uint8Array>): Effect.Effect<Packets, MqttError.MqttError> {
    const received = this.#decode(chunks)
    this.#connection = received.connection
    if (this.#hearing !== undefined) this.#tellHeard(this.#hearing)
    if (this.#isWatchingPacket || this.#packetDeadline.begun === undefined) return this.#handOver(received)
    this.#isWatchingPacket = true
    return Effect.flatMap(Effect.forkIn(this.#watchPacket, this.#options.scope), () => this.#handOver(received))
  }

  #handOver({ events, packets }: Connection.Received): Effect.Effect<Packets, MqttError.MqttError> {
    if (events.length === 0) return packets.length === 0 ? this.#read : Effect.succeed(packets)
    return Effect.flatMap(Effect.forEach(events, (event) => this.#onEvent(event), { discard: true }), () =>
      // What came before the end is still the session's.
      packets.length === 0 && this.#failure !== undefined ? Effect.fail(this.#failure) : Effect.succeed(packets))
  }

  #tellHeard(listeners: ReadonlySet<() => void>): void {
    this.#hearing = undefined
    for (const heard of listeners) heard()
  }

  #decode(chunks: ReadonlyArray<Uint8Array>): Connection.Received {
    const packets = chunks.length === 1 ? this.#decoder.push(chunks[0]) : chunks.flatMap(this.#decoder.push)
    const now = this.now()
    const { packetLog, traffic } = this.#options
    for (const chunk of chunks) traffic.bytesReceived += chunk.length
    traffic.packetsReceived += packets.length
    if (packetLog !== undefined) { for (const packet of packets) packetLog("received", packet) }
    if (this.#pingSent !== undefined && packets.some(isPingresp)) {
      traffic.roundTrip = now - this.#pingSent
      this.#pingSent = undefined
    }
    const { error, isWithinPacket } = this.#decoder
    this.#packetDeadline = PacketDeadline.received(
      this.#packetDeadline,
      { completed: packets.length, isWithinPacket },
      now
    )
    const received = Connection.receive(this.#connection, packets as ReadonlyArray<Packet.ServerPacket>, now)
    if (error === undefined || received.connection.phase === "Ended") return received
    const violated = Connection.violate(received.connection, error)
    return { ...violated, packets: received.packets, events: [...received.events, ...violated.events] }
  }

  #onEvent(event: Connection.Event): Effect.Effect<void, MqttError.MqttError> {
    const { connect } = this.#connection
    switch (event._tag) {
      case "Accepted":
        this.#connack = event.connack
        this.#accepted()
        return Effect.void
      case "Authenticating":
        return this.#connack === undefined ? this.#authenticate(event.auth) : this.#reauthenticate(event.auth)
      case "Refused":
        return this.abort(failures.fromRefusal(event.connack, connect.protocolVersion))
      case "Disconnected":
        return this.abort(failures.fromDisconnect(event.disconnect, this.clientId))
      case "Violated":
        return this.violated(event.violation)
    }
  }

  #accepted(): void {
    const { maximumPacketSize, topicAliasMaximum } = this.#connection.limits
    const maximum = Math.min(topicAliasMaximum, this.#options.outgoingTopicAliasMaximum)
    this.#encoder.setMaximumPacketSize(maximumPacketSize)
    this.#mostAliases = maximum
  }

  /** The answer is the program's to make, and reading does not wait for it. */
  #reauthenticate(auth: Packet.Auth): Effect.Effect<void> {
    return this.#answer(auth).pipe(
      Effect.catchCause((cause) => {
        // Who closes the connection waits for this fiber.
        if (this.#closed !== undefined) return Effect.void
        return this.shutdown(failures.fromCause(cause), disconnectPacket(0x80))
      }),
      Effect.forkIn(this.#options.scope, { startImmediately: true }),
      Effect.asVoid
    )
  }

  #answer(auth: Packet.Auth): Effect.Effect<void, MqttError.MqttError> {
    const { authenticate } = this.#options
    if (authenticate === undefined) return Effect.void
    return Effect.flatMap(authenticate(auth), (answer) => answer === undefined ? Effect.void : this.send(answer))
  }

  #authenticate(auth: Packet.Auth): Effect.Effect<void, MqttError.MqttError> {
    return this.#answer(auth).pipe(
      Effect.catch((error) => this.shutdown(error, disconnectPacket(0x80))),
      // What came in the same bytes is lost with the answer, so the connection cannot go on. [MQTT-4.13.2-1]
      Effect.onError((cause) =>
        this.shutdown(failures.fromCause(cause), disconnectPacket(Cause.hasInterruptsOnly(cause) ? 0x00 : 0x80))
      )
    )
  }

  // -------------------------------------------------------------------------
  // Keep Alive
  // -------------------------------------------------------------------------

  /** Begins to look after Keep Alive and `deadlines`: sleeps until something may be due, and looks whether it is. */
  watch(deadlines: Deadlines): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => this.#failure === undefined,
      body: () => this.#keepAlive(deadlines),
      step: nothing
    }).pipe(
      Effect.catchCause((cause) => this.shutdown(failures.fromCause(cause), disconnectPacket(0x00))),
      Effect.forkIn(this.#options.scope, { startImmediately: true }),
      Effect.asVoid
    )
  }

  #keepAlive(deadlines: Deadlines): Effect.Effect<void> {
    const { keepAlive } = this.#connection
    const now = this.now()
    switch (KeepAlive.verdict(keepAlive, now)) {
      case "Wait": {
        const due = Math.min(KeepAlive.deadline(keepAlive), deadlines.due(now))
        return Effect.flatMap(this.#sleep(keepAlive, due - now), () => {
          const woken = this.now()
          return deadlines.look(woken, woken - due)
        })
      }
      case "Ping":
        this.#ping()
        return Effect.void
      case "Dead":
        return this.#silent(now)
    }
  }

  /** What is heard while PINGREQ waits for it brings the deadline forward: the verdict becomes the next PINGREQ. */
  #sleep({ pingSent }: KeepAlive.KeepAlive, milliseconds: number): Effect.Effect<void> {
    // Timers know whole milliseconds: one that fires a fraction too early would only be set again and again.
    const sleep = Effect.sleep(Math.ceil(milliseconds))
    return pingSent === undefined ? sleep : Effect.raceFirst(sleep, this.#heard)
  }

  /** Completes when anything is heard. */
  get #heard(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const listener = () => resume(Effect.void)
      const hearing = this.#hearing ??= new Set()
      hearing.add(listener)
      return Effect.sync(() => hearing.delete(listener))
    })
  }

  #ping(): void {
    const now = this.now()
    this.enqueue(pingreq)
    this.#pingSent ??= now
    this.#connection = Connection.pinged(this.#connection, now)
  }

  #silent(now: number): Effect.Effect<void> {
    const { keepAlive } = this.#connection
    // Who does not read cannot hear: then the silence is ours and not the server's.
    if (!this.#isPulling) {
      this.#connection = { ...this.#connection, keepAlive: KeepAlive.heard(keepAlive, now) }
      return Effect.void
    }
    this.end(MqttError.fromReason(new MqttError.KeepAliveTimeout({ silentFor: now - keepAlive.lastHeard })))
    return this.#options.network.abort
  }

  /**
   * Sleeps until the packet that has begun must be complete, and looks whether it is. Most packets are by then, and so
   * are many after it: one timer serves them all.
   */
  get #watchPacket(): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => this.#mayBeLate(),
      body: () => this.#completePacket(),
      step: nothing
    })
  }

  #completePacket(): Effect.Effect<void> {
    const now = this.now()
    switch (PacketDeadline.verdict(this.#packetDeadline, now)) {
      case "Wait":
        return Effect.sleep(Math.ceil(PacketDeadline.deadline(this.#packetDeadline, now) - now))
      case "Late":
        this.#packetDeadline = PacketDeadline.renewed(this.#packetDeadline, now)
        return Effect.void
      case "Dead":
        this.end(MqttError.fromReason(new MqttError.PacketTimeout({ timeout: this.#packetDeadline.timeout })))
        return this.#options.network.abort
    }
  }

  #mayBeLate(): boolean {
    return this.#isWatchingPacket = this.#failure === undefined && this.#packetDeadline.begun !== undefined
  }

  /** Asks for a sign of life and waits until anything is heard. */
  get ping(): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      if (this.#failure !== undefined) return Effect.fail(this.#failure)
      this.#ping()
      return Effect.raceFirst(this.#heard, this.ended)
    })
  }

  // -------------------------------------------------------------------------
  // The end
  // -------------------------------------------------------------------------

  /** Fails with what ended the connection, once it has ended. */
  get ended(): Effect.Effect<never, MqttError.MqttError> {
    return Deferred.await(this.#ended)
  }

  /** The first failure is the one that counts: those after it are its consequences. */
  end(failure: MqttError.MqttError): MqttError.MqttError {
    if (this.#failure === undefined) {
      this.#failure = failure
      Deferred.doneUnsafe(this.#ended, Exit.fail(failure))
    }
    return this.#failure
  }

  /** The peer broke a rule: in 5.0 it is told which kind, then the connection is closed. `[MQTT-4.13.1-1]`. */
  violated(violation: ProtocolViolation): Effect.Effect<void> {
    const failure = MqttError.fromReason(MqttError.ProtocolViolation.from(violation))
    return this.shutdown(failure, disconnectPacket(violation.reasonCode))
  }

  /**
   * Ends the connection from this side: `last` gets its chance to leave, then the network connection is closed. Who
   * comes second waits for the first, so that nobody closes the network while DISCONNECT is still leaving.
   */
  shutdown(failure: MqttError.MqttError, last: Packet.Disconnect): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#closed !== undefined) return Deferred.await(this.#closed)
      const closed = this.#closed = Deferred.makeUnsafe<void>()
      return Effect.ensuring(this.#close(failure, last), Deferred.succeed(closed, undefined))
    }).pipe(Effect.uninterruptible)
  }

  #close(failure: MqttError.MqttError, last: Packet.Disconnect): Effect.Effect<void> {
    const { drainTimeout, network } = this.#options
    const writing = this.#writing
    // What has ended already, or said no CONNECT yet, has nothing left that is worth waiting for.
    if (this.#failure !== undefined || writing === undefined) return this.abort(failure)
    // It need not wait for CONNACK: a server that has accepted and was not told would publish the Will. What 3.1.1 cannot
    // say, which is that something is wrong, is not encoded and so not sent.
    this.#writer.enqueue(last)
    this.end(failure)
    return this.#written.pipe(
      Effect.raceFirst(Fiber.await(writing)),
      Effect.timeoutOrElse({ duration: drainTimeout, orElse: () => network.abort }),
      Effect.andThen(Scope.close(this.#options.scope, Exit.void))
    )
  }

  /** Ends the connection at once and without DISCONNECT: the server publishes the Will. */
  abort(failure: MqttError.MqttError): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.end(failure)
      return Effect.andThen(this.#options.network.abort, Scope.close(this.#options.scope, Exit.void))
    }).pipe(Effect.uninterruptible)
  }
}

export const make = (options: LinkOptions): Effect.Effect<Link> =>
  Effect.withFiber((fiber) =>
    Effect.succeed(new Link(options, fiber.getRef(Clock.Clock), fiber.getRef(Scheduler.Scheduler)))
  )

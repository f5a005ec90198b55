/**
 * Keeps a connection up: opens one, runs it until it ends, waits as the schedule says, opens the next.
 *
 * The session speaks over the connection. The supervisor ends with the client's scope, with a fatal failure, or when
 * the schedule is over.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as MqttError from "../../../MqttError.ts"
import type { MqttEvent } from "../../../MqttState.ts"
import { MqttTransport } from "../../../MqttTransport.ts"
import type { ProtocolVersion } from "../../../protocol/Packet.ts"
import type { Properties } from "../../../protocol/Properties.ts"
import { violation } from "../../../protocol/ProtocolError.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import * as Opening from "../../connection/opening.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"
import type { Resolved } from "../../options.ts"
import * as Presence from "../../presence.ts"
import type { Owner } from "../owner.ts"
import { quarantine } from "../session/quarantine.ts"
import { read } from "../session/reading.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import type { Suspect } from "../suspicion.ts"
import type { Authenticator } from "./authenticator.ts"
import { Birth } from "./birth.ts"
import type { Telling } from "./events.ts"
import type { Hooks } from "./hook.ts"
import { ServerChoice } from "./serverChoice.ts"
import { SessionDeadlines } from "./sessionDeadlines.ts"
import type { State } from "./state.ts"
import { catchUnexpected, failUnexpected, fromUnexpected } from "./unexpected.ts"
import { VersionChoice } from "./versionChoice.ts"

export interface SupervisorOptions {
  readonly options: Resolved
  readonly runner: SessionRunner
  readonly authenticator: Authenticator | undefined
  readonly hooks: Hooks
  readonly transport: MqttTransport["Service"]
  readonly state: State
  readonly events: Telling
  /** Done with the first connection, or failed if there will be none. */
  readonly first: Deferred.Deferred<void, MqttError.MqttError>
}

/** Waits as a schedule says; over when the schedule is. */
type NextAttempt = (error: MqttError.MqttError) => Pull.Pull<unknown, never, unknown>

/** How a connection can end between CONNECT and CONNACK. */
const mayFollowConnect: ReadonlySet<MqttError.MqttErrorReason["_tag"]> = new Set([
  "AuthenticationFailed",
  "ConnectionLost",
  "KeepAliveTimeout",
  "ProtocolViolation",
  "WebSocketFailed"
])

class Supervisor {
  readonly #options: Resolved
  readonly #runner: SessionRunner
  readonly #authenticator: Authenticator | undefined
  readonly #hooks: Hooks
  readonly #version: VersionChoice
  readonly #server: ServerChoice
  readonly #birth = new Birth()
  readonly #state: State
  readonly #events: Telling
  readonly #first: SupervisorOptions["first"]
  #cleanStart: boolean
  #clientId: string
  #hasConnected = false
  /** A 3.1.1 connection has thrown the old session away: from then on any session is ours. */
  #hasThrownAway = false
  #isSessionDoubtful = false
  #attempt = 0
  /** The suspect whose attempts are being counted. */
  #suspect: Suspect<Owner> | undefined
  #nextRetransmission: NextAttempt | undefined
  /** The next step of the schedule; `undefined` until the schedule has begun. */
  #nextAttempt: NextAttempt | undefined

  constructor({ authenticator, events, first, hooks, options, runner, state, transport }: SupervisorOptions) {
    this.#options = options
    this.#runner = runner
    this.#authenticator = authenticator
    this.#hooks = hooks
    this.#version = new VersionChoice(options.protocolVersion)
    this.#server = new ServerChoice({
      maximumHops: transport.openAt === undefined ? 0 : options.followServerReference?.maximumHops ?? 0,
      servers: transport.endpoints ?? 1
    })
    this.#state = state
    this.#events = events
    this.#first = first
    this.#cleanStart = options.session !== "persistent"
    this.#clientId = options.clientId
  }

  /** Connects for ever; fails when it makes no sense any more. */
  get run(): Effect.Effect<never, MqttError.MqttError, MqttTransport> {
    const run = Effect.catchCause(Effect.suspend(() => this.#connectAndRun), (cause) => {
      const error = Cause.findErrorOption(cause)
      return Option.isSome(error)
        ? this.#told(this.#recover(error.value))
        : Effect.failCause(cause as Cause.Cause<never>)
    })
    return Effect.forever(run, { disableYield: true })
  }

  /** Log lines about a failure say which attempt it was. */
  #told<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.annotateLogs(self, { attempt: this.#attempt + 1 })
  }

  /** A connection ended or could not be opened: waits until it is time for the next, or fails. */
  #recover(error: MqttError.MqttError): Effect.Effect<void, MqttError.MqttError> {
    return Effect.gen({ self: this }, function*() {
      if (isOverrun(error)) this.#runner.overrun()
      if (this.#version.failed(error.reason) || (yield* this.#goesElsewhere(error))) return
      if (yield* this.#isFatal(error)) return yield* error
      this.#attempt++
      yield* this.#state.set({ _tag: "Disconnected", error, attempt: this.#attempt })
      yield* Effect.logWarning(`${error.message}; connecting again`).pipe(
        Effect.annotateLogs(FailureAnnotations.ofError(error))
      )
      yield* this.#retransmit(error)
      yield* this.#escalate(error)
      this.#nextAttempt ??= yield* Schedule.toStepWithSleep(this.#options.reconnect)
      yield* this.#hooks.run(this.#nextAttempt(error)).pipe(
        Effect.mapError(() => error),
        catchUnexpected(() => Effect.sleep(pauseWithoutSchedule))
      )
    })
  }

  /** Makes another attempt at the packet that the last connections ended with, if its schedule allows one. */
  #retransmit(error: MqttError.MqttError): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { suspect } = this.#runner.suspicion
      // An attempt without a connection says nothing about the suspect.
      if (suspect === undefined || suspect === this.#suspect) return
      if (suspect.culprit !== this.#suspect?.culprit) this.#nextRetransmission = undefined
      this.#nextRetransmission ??= yield* Schedule.toStepWithSleep(this.#options.retransmit)
      this.#suspect = suspect
      yield* this.#hooks.run(this.#nextRetransmission(error)).pipe(
        Effect.catch(() => Effect.sync(() => quarantine(this.#runner, suspect, error))),
        catchUnexpected(() => Effect.void)
      )
    })
  }

  #escalate(error: MqttError.MqttError): Effect.Effect<void> {
    const { escalate } = this.#options
    if (escalate === undefined || this.#attempt % escalate.after !== 0) return Effect.void
    return this.#hooks.run(Effect.suspend(() => escalate.run(error))).pipe(catchUnexpected(() => Effect.void))
  }

  #isFatal(error: MqttError.MqttError): Effect.Effect<boolean> {
    // A server that threw the old session away has accepted the client, and may want a pause before the next CONNECT.
    const isFirst = !this.#hasConnected && !this.#hasThrownAway
    if (isFirst && this.#options.initialConnection === "fail") return Effect.succeed(true)
    return Effect.sync(() => !this.#options.isRetryable(error)).pipe(
      catchUnexpected(() => Effect.sync(() => !error.isRetryable))
    )
  }

  /**
   * Whether there is another server to go to at once, because this one says so or there was no connection to it. A
   * failure of one server, however fatal, says nothing about the others.
   */
  #goesElsewhere({ reason }: MqttError.MqttError): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function*() {
      const referral = this.#server.referralOf(reason)
      if (referral !== undefined) yield* this.#publishEvent({ _tag: "Redirected", ...referral })
      return this.#server.failed(reason)
    })
  }

  /** One connection from its opening to its end, which is always a failure. */
  get #connectAndRun(): Effect.Effect<never, MqttError.MqttError, MqttTransport> {
    // The connecting effect is made when it is run: otherwise it would be held for as long as the connection lives.
    const run = Effect.flatMap(
      Effect.suspend(() => this.#connect),
      (connection) => read(connection, this.#runner, (event) => this.#publishEvent(event))
    )
    return Effect.scoped(Effect.catchCause(run, (cause) => this.#told(failUnexpected(cause))))
  }

  get #connect(): Effect.Effect<SessionConnection, MqttError.MqttError, MqttTransport | Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      yield* this.#state.set({ _tag: "Connecting", attempt: this.#attempt + 1 })
      const connection = yield* Effect.tapError(this.#open, (error) => Effect.sync(() => this.#doubt(error)))
      yield* this.#connected(connection)
      const session = { runner: this.#runner, connection, events: this.#events, options: this.#options }
      yield* connection.checkDeadlines(new SessionDeadlines(session))
      if (this.#authenticator !== undefined) {
        const keep = this.#authenticator.keep(connection)
        yield* Effect.forkScoped(Effect.catchCause(keep, (cause) => connection.fail(fromUnexpected(cause))))
      }
      return connection
    })
  }

  /**
   * A server that got CONNECT may have made a new session although we never saw its CONNACK. The next CONNACK would
   * report that session as present, and it has none of our subscriptions.
   */
  #doubt({ reason }: MqttError.MqttError): void {
    const hasSentConnect = reason._tag === "ConnectTimeout"
      ? reason.waitingFor === "CONNACK"
      : mayFollowConnect.has(reason._tag)
    if (hasSentConnect) this.#isSessionDoubtful = true
  }

  get #open(): Effect.Effect<SessionConnection, MqttError.MqttError, MqttTransport | Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const { cleanStart, options } = { cleanStart: this.#cleanStart, options: this.#options }
      const authenticator = this.#authenticator
      const credentials = yield* this.#inTime("credentials", options.credentials)
      const authentication = authenticator && (yield* this.#inTime("credentials", authenticator.begin))
      const version = this.#version.next
      const will = Presence.inVersion(yield* this.#inTime("will", options.will), version)
      this.#birth.prepare(Presence.inVersion(yield* this.#inTime("birth", options.birth), version))
      const connect = (isClean: boolean) =>
        Opening.open({
          protocolVersion: version,
          clientId: this.#clientId,
          cleanStart: isClean,
          keepAlive: options.keepAlive,
          pingInterval: options.pingInterval,
          responseTimeout: options.responseTimeout,
          will,
          username: credentials.username,
          password: credentials.password,
          properties: { ...this.#properties, ...authentication },
          authenticate: authenticator?.answer,
          outgoingTopicAliasMaximum: options.outgoingTopicAliasMaximum,
          serverReference: this.#server.next,
          maximumPacketSize: options.maximumPacketSize,
          refuses: this.#runner.deliveries.offendingTopics.refuses,
          makeEncoder: this.#runner.makeEncoder,
          connectTimeout: options.connectTimeout,
          packetTimeout: options.packetTimeout,
          drainTimeout: options.drainTimeout,
          fill: this.#runner.fill,
          beforeWrite: this.#runner.beforeWrite,
          traffic: this.#runner.traffic
        })
      // 3.1.1 has no clean start for a session that is to persist, so a first connection throws the old session away.
      if (cleanStart && options.session === "cleanStartThenPersistent" && version === "3.1.1") {
        yield* Effect.scoped(connect(true))
        this.#cleanStart = false
        this.#hasThrownAway = true
        this.#version.accepted()
        return yield* connect(false)
      }
      const connection = yield* connect(cleanStart)
      if (authenticator !== undefined) {
        yield* Effect.tapError(authenticator.connected(connection.connack), (error) => connection.fail(error, 0x80))
      }
      return connection
    })
  }

  /** An effect of the program may take as long as the connection itself may. */
  #inTime<A>(
    waitingFor: "credentials" | "will" | "birth",
    self: Effect.Effect<A, MqttError.MqttError>
  ): Effect.Effect<A, MqttError.MqttError> {
    // A known value takes no time, and needs neither a timer nor a fiber.
    if (Exit.isExit(self)) return self
    const { connectTimeout } = this.#options
    const timeout = Duration.toMillis(connectTimeout)
    return Effect.timeoutOrElse(this.#hooks.run(self), {
      duration: connectTimeout,
      orElse: () => Effect.fail(MqttError.fromReason(new MqttError.ConnectTimeout({ timeout, waitingFor })))
    })
  }

  get #properties(): Properties {
    const { responseTopic, session, sessionExpiry, topicAliasMaximum, userProperties } = this.#options
    return {
      receiveMaximum: this.#runner.receiveMaximum,
      ...(topicAliasMaximum === 0 ? {} : { topicAliasMaximum }),
      ...(responseTopic === undefined ? { requestResponseInformation: 1 } : {}),
      ...(session === "clean" ? {} : { sessionExpiryInterval: sessionExpiry }),
      ...(userProperties === undefined ? {} : { userProperties })
    }
  }

  /** Everybody hears of the connection before anything is read, and of its end when the connection's scope ends. */
  #connected(connection: SessionConnection): Effect.Effect<void, never, Scope.Scope> {
    const { clientId, connack, keepAlive, limits, protocolVersion } = connection
    const { properties, sessionPresent } = connack
    return Effect.gen({ self: this }, function*() {
      const serverReference = this.#server.next
      const hadSession = this.#hasConnected || this.#runner.isRestored
      const isKnown = hadSession || this.#hasThrownAway
      if (sessionPresent && !isKnown && this.#options.refuseUnknownSession) {
        return yield* connection.violated(unknownSession(protocolVersion))
      }
      const isAgain = this.#hasConnected
      this.#hasConnected = true
      this.#version.accepted()
      this.#server.accepted()
      this.#clientId = clientId
      if (this.#options.session !== "clean") this.#cleanStart = false
      const scope = yield* Effect.scope
      const since = connection.now()
      yield* Scope.addFinalizer(scope, Effect.sync(() => this.#disconnected(since, connection.now())))
      const birth = yield* this.#birth.announced
      this.#runner.connected(connection, sessionPresent && !this.#isSessionDoubtful, birth)
      this.#isSessionDoubtful = false
      yield* this.#state.set({
        _tag: "Connected",
        protocolVersion,
        clientId,
        sessionPresent,
        keepAlive,
        limits,
        sessionExpiry: sessionExpiryOf(connection, this.#properties),
        responseInformation: properties.responseInformation,
        reasonString: properties.reasonString,
        userProperties: properties.userProperties ?? [],
        serverReference
      })
      const ended = (exit: Exit.Exit<unknown, unknown>) =>
        this.#publishEvent({ _tag: "ConnectionEnded", error: errorOf(exit) })
      yield* Scope.addFinalizerExit(scope, ended)
      yield* this.#publishEvent({ _tag: "ConnectionAccepted", sessionPresent, protocolVersion, clientId })
      if (hadSession && !sessionPresent && this.#options.session !== "clean") {
        yield* this.#publishEvent({ _tag: "SessionLost" })
      }
      // The first attempt is expected to succeed. A later success answers the warning about the failure.
      const isNews = isAgain || this.#attempt > 0
      yield* (isNews ? Effect.logInfo(isAgain ? "Connected again" : "Connected") : Effect.logDebug("Connected")).pipe(
        Effect.annotateLogs({ protocolVersion, sessionPresent, keepAlive, attempt: this.#attempt + 1 })
      )
      yield* Deferred.succeed(this.#first, undefined)
    })
  }

  /** A connection that lived long enough was a success: the next failure is counted as the first. */
  #disconnected(since: number, now: number): void {
    if (now - since >= Duration.toMillis(this.#options.stableAfter)) {
      this.#nextAttempt = undefined
      this.#attempt = 0
      this.#server.stable()
    }
    this.#runner.disconnected(now)
  }

  #publishEvent(event: MqttEvent): Effect.Effect<void> {
    return this.#events.publish(event)
  }
}

/** The server sent more than our Receive Maximum. */
const isOverrun = ({ reason }: MqttError.MqttError): boolean =>
  reason._tag === "ProtocolViolation" && reason.reasonCode === 0x93

const unknownSession = (version: ProtocolVersion) =>
  violation(version, "3.2.2-4", 0x82, "CONNACK with Session Present 1 for a session that this client does not know")

/** The server's value counts, or else ours; 3.1.1 has none. Section 3.2.2.3.2. */
const sessionExpiryOf = (
  { connack, protocolVersion }: SessionConnection,
  asked: Properties
): number | undefined =>
  protocolVersion === "3.1.1"
    ? undefined
    : connack.properties.sessionExpiryInterval ?? asked.sessionExpiryInterval ?? 0

/** `reconnect` itself died, so it cannot say how long to wait. */
const pauseWithoutSchedule = "10 seconds"

const errorOf = (exit: Exit.Exit<unknown, unknown>): MqttError.MqttError | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Exit.findError(exit)
  return error._tag === "Success" && error.success instanceof MqttError.MqttError ? error.success : undefined
}

export const run = (options: Omit<SupervisorOptions, "transport">) =>
  Effect.flatMap(MqttTransport, (transport) => new Supervisor({ ...options, transport }).run)

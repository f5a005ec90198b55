/**
 * The messages between the tabs of a site: from a tab to the leader, and from the leader to all tabs or to one.
 *
 * Plain data, which a `BroadcastChannel` copies. Sends nothing. The version in the names keeps pages with different
 * code apart, such as an older page that was not loaded again.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { PublishOptions, SubscribeOptions } from "../../../internal/clientOptions.ts"
import * as MqttError from "../../../MqttError.ts"
import * as MqttErrorSchema from "../../../MqttErrorSchema.ts"
import type { Acknowledgement, MqttMessage, Payload } from "../../../MqttMessage.ts"
import type { ConnectionState } from "../../../MqttState.ts"

/** The lock of the leader, and the channel on which it hears. */
export const nameOf = (name: string): string => `effect-mqtt/tabs/1/${name}`

/** The channel on which a leader announces itself. */
export const nameOfLeading = (name: string): string => `${nameOf(name)}/leading`

/** The channel of one tab, and the lock that it has for as long as it lives. */
export const nameOfTab = (name: string, tab: string): string => `${nameOf(name)}/tab/${tab}`

// ---------------------------------------------------------------------------
// To the leader
// ---------------------------------------------------------------------------

export interface PublishRequest {
  readonly _tag: "Publish"
  readonly id: number
  readonly topic: string
  readonly payload: Payload
  readonly options: PublishOptions
}

export interface SubscribeRequest {
  readonly _tag: "Subscribe"
  readonly id: number
  readonly topicFilter: string | ReadonlyArray<string>
  readonly options: SubscribeOptions
}

export type Request = PublishRequest | SubscribeRequest

export type ToLeader =
  /** A tab is there, with everything it waits for. */
  | { readonly _tag: "Here"; readonly tab: string; readonly requests: ReadonlyArray<Request> }
  | { readonly _tag: "Asked"; readonly tab: string; readonly request: Request }
  /** The tab no longer waits for the request. */
  | { readonly _tag: "Stopped"; readonly tab: string; readonly id: number }
  /** The program has taken a batch of messages. */
  | { readonly _tag: "Took"; readonly tab: string; readonly batch: number; readonly leader: string }

// ---------------------------------------------------------------------------
// From the leader
// ---------------------------------------------------------------------------

/** To all tabs: another tab leads from now on. */
export interface Leading {
  readonly _tag: "Leading"
  readonly leader: string
}

type EncodedError = typeof MqttErrorSchema.MqttError.Encoded

type StateWithout<State> = State extends { readonly error: unknown }
  ? Omit<State, "error"> & { readonly error: EncodedError | undefined }
  : State

/** To one tab. */
export type ToTab =
  | { readonly _tag: "State"; readonly leader: string; readonly state: StateWithout<ConnectionState> }
  | { readonly _tag: "Published"; readonly id: number; readonly acknowledgement: Acknowledgement }
  | { readonly _tag: "Subscribed"; readonly id: number }
  | {
    readonly _tag: "Messages"
    readonly id: number
    readonly batch: number
    readonly leader: string
    readonly packets: ReadonlyArray<MqttMessage["packet"]>
  }
  /** A request has failed, or a subscription has. */
  | { readonly _tag: "Failed"; readonly id: number; readonly error: EncodedError }

// ---------------------------------------------------------------------------
// Values that need another form
// ---------------------------------------------------------------------------

/** A cause may be any value, even a value that cannot be written. */
export const encodeError = (error: MqttError.MqttError): EncodedError =>
  Option.getOrElse(
    Schema.encodeOption(MqttErrorSchema.MqttError)(error),
    () => ({ _tag: "MqttError", reason: { _tag: "Closed" } })
  )

export const decodeError: (error: EncodedError) => MqttError.MqttError = Schema.decodeSync(MqttErrorSchema.MqttError)

export const encodeState = (state: ConnectionState): StateWithout<ConnectionState> =>
  "error" in state ? { ...state, error: state.error === undefined ? undefined : encodeError(state.error) } : state

export const decodeState = (state: StateWithout<ConnectionState>): ConnectionState => {
  if (state._tag === "Disconnected") {
    const error = state.error === undefined ? MqttError.fromReason(new MqttError.Closed()) : decodeError(state.error)
    return { ...state, error }
  }
  if (state._tag === "Closed") {
    return { ...state, error: state.error === undefined ? undefined : decodeError(state.error) }
  }
  return state
}

/** Has a payload of its own: copying a view would copy the whole buffer of the network with it. */
export const packetOf = (packet: MqttMessage["packet"]): MqttMessage["packet"] => ({
  ...packet,
  payload: packet.payload.slice()
})

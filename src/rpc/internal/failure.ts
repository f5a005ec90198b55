/**
 * Why a call ended without the answer of its handler: the errors, and the form in which a client of Effect RPC has them.
 */
import * as Data from "effect/Data"
import * as RpcClientError from "effect/rpc/RpcClientError"

/**
 * Why a call has no answer.
 *
 * - `NoServer`: the broker says that nobody subscribes to the requests.
 * - `NotTaken`: no server took the call within `acceptTimeout`.
 * - `Refused`: a server refused it: it was too late, in another serialization, or one too many.
 * - `ServerLost`: the server that had the call gave no sign of life for the `lease`.
 * - `AnswerLost`: the server has answered, and the answer did not arrive, as after an outage without a persistent session.
 * - `NotSent`: the client could not publish the request, or the broker refused it.
 * - `Unreadable`: the answer cannot be read in the serialization of this client.
 * - `Closed`: the MQTT client was closed.
 *
 * @since 0.2.0
 * @category errors
 */
export type CallFailureReason =
  | "NoServer"
  | "NotTaken"
  | "Refused"
  | "ServerLost"
  | "AnswerLost"
  | "NotSent"
  | "Unreadable"
  | "Closed"

const mayRun: { readonly [Reason in CallFailureReason]: boolean } = {
  NoServer: false,
  NotTaken: true,
  Refused: false,
  ServerLost: true,
  AnswerLost: true,
  NotSent: true,
  Unreadable: true,
  Closed: true
}

/**
 * A call that ended without an answer: the cause in the `RpcClientError` of the call.
 *
 * @since 0.2.0
 * @category errors
 */
export class CallFailure extends Data.TaggedError("MqttRpcCallFailure")<{
  readonly reason: CallFailureReason
  readonly description: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return this.description
  }
  /** Whether the handler may have run, or may still run. With `false` the call can be made again without harm. */
  get mayHaveRun(): boolean {
    return mayRun[this.reason]
  }
}

export const make = (
  reason: CallFailureReason,
  description: string,
  cause?: unknown
): RpcClientError.RpcClientError =>
  new RpcClientError.RpcClientError({
    reason: new RpcClientError.RpcClientDefect({
      message: description,
      cause: new CallFailure({ reason, description, ...(cause === undefined ? {} : { cause }) })
    })
  })

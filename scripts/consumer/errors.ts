/** Errors, their reasons, and programs that fail with them. */
import { MqttError, MqttErrorSchema } from "effect-mqtt"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const refused = new MqttError.ConnectionRefused({ reasonCode: 0x88 })
export const error = MqttError.fromReason(refused)
export const failed = Effect.fail(error)
export const rejected = Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x99 }))
export const reason = MqttErrorSchema.MqttErrorReason
export const sent = Schema.encodeEffect(MqttErrorSchema.MqttError)(error)
export const caught = Effect.catchReason(
  failed,
  "MqttError",
  "ConnectionRefused",
  ({ isRetryable }) => Effect.succeed(isRetryable)
)
export const problem = ({ problem }: MqttError.TlsFailed) => problem

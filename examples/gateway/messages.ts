import { Schema } from "effect"
import { MqttTopic } from "effect-mqtt"

/** A temperature, measured or wanted. The number tells it from the other temperatures of its machine. */
export const Temperature = Schema.Struct({ number: Schema.Int, celsius: Schema.Finite })

/** A machine has measured this temperature. */
export const Reading = MqttTopic.make("hall/{machine}/reading", { payload: MqttTopic.json(Temperature) })

/** A machine should reach this temperature. */
export const Command = MqttTopic.make("hall/{machine}/set", { payload: MqttTopic.json(Temperature) })

/** A machine has been set to this temperature. */
export const Report = MqttTopic.make("hall/{machine}/done", { payload: MqttTopic.json(Temperature) })

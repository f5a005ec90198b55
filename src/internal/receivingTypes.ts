/**
 * The kind of value of each option, for the calls that receive messages. It is apart from `optionTypes.ts` so that a
 * client that only publishes does not load it.
 */
import type { SubscribeOptions } from "./clientOptions.ts"
import * as Types from "./fieldTypes.ts"
import { bounds } from "./optionTypes.ts"
import type { ConsumeOptions, DeadLetterOptions, NextOptions, RespondOptions } from "./receivingOptions.ts"

export const subscribe: Types.FieldsOf<SubscribeOptions> = {
  qos: Types.qos,
  noLocal: Types.boolean,
  retainAsPublished: Types.boolean,
  retainHandling: Types.qos,
  askForRetained: Types.boolean,
  userProperties: Types.pairs,
  buffer: Types.record(bounds)
}

export const next: Types.FieldsOf<NextOptions> = { ...subscribe, timeout: Types.duration }

const deadLetter: Types.FieldsOf<DeadLetterOptions> = {
  topic: Types.required(Types.either(Types.string, Types.callback)),
  qos: Types.qos,
  retain: Types.boolean
}

export const consume: Types.FieldsOf<ConsumeOptions> = {
  ...subscribe,
  concurrency: Types.either(Types.wholeNumber, Types.literal("unbounded")),
  key: Types.callback,
  onFailure: Types.literal("stop", "reject", "acknowledge"),
  until: Types.effect,
  drainTimeout: Types.duration,
  attempts: Types.schedule,
  deadLetter: Types.either(Types.string, Types.callback, Types.record(deadLetter))
}

export const respond: Types.FieldsOf<RespondOptions> = {
  ...consume,
  responseTopics: Types.strings,
  answerQos: Types.qos
}

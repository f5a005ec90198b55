/**
 * The errors of typed topics, for messages that cannot be made and messages that cannot be read. `MqttError` exports both;
 * they are declared here so that a program without typed topics does not carry them.
 */
import * as Data from "effect/Data"
import { harmless } from "./harmlessText.ts"

/**
 * Parameters or a payload that cannot be published: a value that its schema does not take, or a parameter that is no
 * level of a Topic Name. Nothing was sent. `answer` and `failure` are results of the handler of a request.
 *
 * @since 0.2.0
 * @category errors
 */
export class MqttEncodeError extends Data.TaggedError("MqttEncodeError")<{
  readonly template: string
  readonly part: "parameters" | "payload" | "answer" | "failure"
  /** The wrong parameter, if a parameter is wrong. */
  readonly parameter?: string | undefined
  readonly description: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${place(this)} for "${this.template}" cannot be encoded: ${this.description}`
  }
}

/**
 * A message that does not fit the typed topic: another topic, or a parameter or a payload that its schema does not
 * take.
 *
 * A request fails with this error if its answer does not decode (`answer`, `failure`), or if the responder says that it
 * cannot decode the request (`request`). `topic` is then the topic of the request.
 *
 * @since 0.2.0
 * @category errors
 */
export class MqttDecodeError extends Data.TaggedError("MqttDecodeError")<{
  readonly topic: string
  /** `topic`: it does not fit the template. */
  readonly part: "topic" | "parameters" | "payload" | "answer" | "failure" | "request"
  readonly parameter?: string | undefined
  /** If a schema fails, it says the expected type, and not the value. */
  readonly description: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${place(this)} of "${harmless(this.topic)}" cannot be decoded: ${this.description}`
  }
}

const place = ({ parameter, part }: { readonly parameter?: string | undefined; readonly part: string }): string =>
  parameter === undefined ? `The ${part}` : `The parameter "${parameter}"`

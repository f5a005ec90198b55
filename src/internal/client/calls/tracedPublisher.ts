/**
 * A publisher with a span for each message. It is a class of its own so that the other one does not even look.
 */
import type { Message } from "../../../protocol/Session.ts"
import type { PublishOptions } from "../../clientOptions.ts"
import type { Settled } from "../outgoing/awaited.ts"
import type { Publication } from "../outgoing/publication.ts"
import { Publisher, type PublisherOptions } from "./publisher.ts"
import type { Tracing } from "./tracing.ts"

export class TracedPublisher extends Publisher {
  readonly #tracing: Tracing

  constructor(options: PublisherOptions, tracing: Tracing) {
    super(options)
    this.#tracing = tracing
  }

  protected override begin(
    message: Message,
    options: PublishOptions | undefined,
    settled: Settled,
    taken?: () => void
  ): Publication | undefined {
    const traced = this.#tracing.publish(message, settled)
    return super.begin(traced.message, options, traced.settled, taken)
  }
}

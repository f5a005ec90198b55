/**
 * A publisher whose messages an instrument observes one by one. It is a class of its own, so that the plain publisher
 * does not even look for an instrument.
 */
import type { Message } from "../../../protocol/Session.ts"
import type { PublishOptions } from "../../clientOptions.ts"
import type { Settled } from "../outgoing/awaited.ts"
import type { Publication } from "../outgoing/publication.ts"
import type { Instrument } from "./instrument.ts"
import { Publisher, type PublisherOptions } from "./publisher.ts"

export class ObservedPublisher extends Publisher {
  readonly #instrument: Instrument

  constructor(options: PublisherOptions, instrument: Instrument) {
    super(options)
    this.#instrument = instrument
  }

  protected override begin(
    message: Message,
    options: PublishOptions | undefined,
    settled: Settled,
    taken?: () => void
  ): Publication | undefined {
    const observed = this.#instrument.publish(message, settled)
    return super.begin(observed.message, options, observed.settled, taken)
  }
}

/**
 * A packet that connections keep ending with is given up, so that the others can go on.
 *
 * `suspicion.ts` finds that packet, and the supervisor decides when.
 */
import * as MqttError from "../../../MqttError.ts"
import { Publication } from "../outgoing/publication.ts"
import type { Owner } from "../owner.ts"
import * as Suspicion from "../suspicion.ts"
import { Announcement } from "./announcement.ts"
import type { SessionRunner } from "./sessionRunner.ts"

export const quarantine = (
  runner: SessionRunner,
  { culprit, deaths, packet, packetIdentifier }: Suspicion.Suspect<Owner>,
  cause: MqttError.MqttError
): void => {
  runner.suspicion = Suspicion.givenUp(runner.suspicion)
  const error = (topic: string) =>
    MqttError.fromReason(new MqttError.Quarantined({ packet, topic, attempts: deaths, cause }))
  if (packet === "UNSUBSCRIBE") return runner.subscriptions.giveUpLeaving(`${culprit}`)
  if (typeof culprit === "string") return runner.subscriptions.giveUp(culprit, error(culprit))
  if (packetIdentifier !== undefined) runner.giveUp(packetIdentifier)
  culprit.failed(error(culprit instanceof Publication || culprit instanceof Announcement ? culprit.message.topic : ""))
}

/**
 * Which protocol version the next attempt uses, by `protocolVersion` and by the server's answers.
 *
 * Decides nothing else. MQTT 5.0 section 4.13.1, MQTT 3.1.1 section 3.1.2.2.
 */
import type { MqttErrorReason } from "../../../MqttError.ts"
import type { ProtocolVersion } from "../../../protocol/Packet.ts"

/**
 * With `auto`: 5.0 first, and 3.1.1 at once if the server refuses 5.0 explicitly or hangs up on CONNECT. An explicit
 * refusal is final. A hang-up may have been a network failure, so the next attempt uses 5.0 again.
 */
export class VersionChoice {
  #version: ProtocolVersion
  #isSettled: boolean
  #isHungUpOn = false

  constructor(asked: ProtocolVersion | "auto") {
    this.#version = asked === "auto" ? "5.0" : asked
    this.#isSettled = asked !== "auto"
  }

  get next(): ProtocolVersion {
    return this.#version
  }

  accepted(): void {
    this.#isSettled ||= this.#version === "5.0" || !this.#isHungUpOn
  }

  /** An attempt or a connection ended. Returns whether to try the other version at once. */
  failed({ _tag }: MqttErrorReason): boolean {
    if (this.#isSettled) return false
    const isOver = this.#version === "3.1.1"
    if (!isOver) this.#isHungUpOn = _tag === "ConnectionLost"
    const triesOther = !isOver && (this.#isHungUpOn || _tag === "UnsupportedProtocolVersion")
    this.#version = triesOther ? "3.1.1" : "5.0"
    return triesOther
  }
}

/**
 * Which protocol version the next attempt speaks, as `protocolVersion` asks and as the server's answers tell.
 *
 * Decides nothing but that. MQTT 5.0 section 4.13.1, MQTT 3.1.1 section 3.1.2.2.
 */
import type { MqttErrorReason } from "../../../MqttError.ts"
import type { ProtocolVersion } from "../../../protocol/Packet.ts"

/**
 * With `auto`: 5.0, and 3.1.1 at once when the server refuses that in words, or hangs up on CONNECT. Words settle it. One
 * that hung up may have been a network that failed: it is asked in 5.0 again the next time.
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

  /** An attempt or a connection ended. Says whether the other version is to be tried at once. */
  failed({ _tag }: MqttErrorReason): boolean {
    if (this.#isSettled) return false
    const isOver = this.#version === "3.1.1"
    if (!isOver) this.#isHungUpOn = _tag === "ConnectionLost"
    const triesOther = !isOver && (this.#isHungUpOn || _tag === "UnsupportedProtocolVersion")
    this.#version = triesOther ? "3.1.1" : "5.0"
    return triesOther
  }
}

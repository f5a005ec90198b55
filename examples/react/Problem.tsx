import type { MqttError } from "effect-mqtt"
import type { ReactNode } from "react"

type AnyError = MqttError.MqttError | MqttError.MqttEncodeError

interface Properties {
  readonly error: AnyError
  readonly children?: ReactNode
}

const isOpenElsewhere = (error: AnyError): boolean =>
  error._tag === "MqttError" && error.reason._tag === "StoreFailed" && error.reason.problem === "InUse"

/** Shows the problem in plain words. The remedy in an error's message is for readers who know MQTT. */
export const Problem = ({ children, error }: Properties) => (
  <div className="problem" role="alert">
    <p>{isOpenElsewhere(error) ? "This page is open in another tab. Close that one first." : error.message}</p>
    {children}
  </div>
)

import type { ReactNode } from "react"

interface Properties {
  readonly error: Error
  readonly children?: ReactNode
}

/** The messages of this library say what to do about an error. */
export const Problem = ({ children, error }: Properties) => (
  <div className="problem" role="alert">
    <p>{error.message}</p>
    {children}
  </div>
)

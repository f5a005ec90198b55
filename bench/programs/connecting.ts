/**
 * Loads the module of a side and connects it where the experiment wants it.
 */
import type { Assignment, Client, Experiment, Side, Target } from "../Benchmark.ts"

export const target = (assignment: Assignment, { broker, traffic }: Experiment): Target => ({
  transport: traffic.transport,
  port: broker === "mosquitto" ? assignment.ports.mosquitto : assignment.ports[traffic.transport],
  clientId: assignment.clientId,
  ca: assignment.ca,
  payload: traffic.payload,
  workload: traffic.workload,
  store: assignment.store
})

export const connect = async (assignment: Assignment, experiment: Experiment): Promise<Client> => {
  const side: Side = await import(`../sides/${assignment.side}.ts`)
  return side.connect(target(assignment, experiment))
}

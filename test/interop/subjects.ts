/**
 * Every broker the suite runs over, in the order of the table.
 */
import * as ActiveMq from "../brokers/ActiveMq.ts"
import * as AedesSubjects from "../brokers/AedesSubjects.ts"
import * as Ejabberd from "../brokers/Ejabberd.ts"
import * as MosquittoSubjects from "../brokers/MosquittoSubjects.ts"
import * as Nats from "../brokers/Nats.ts"
import * as RabbitMq from "../brokers/RabbitMq.ts"
import type { Subject } from "../brokers/Subject.ts"

export const subjects: ReadonlyArray<Subject> = [
  MosquittoSubjects.plain,
  MosquittoSubjects.withLimits,
  MosquittoSubjects.withoutLimits,
  MosquittoSubjects.withPlugin,
  Ejabberd.subject,
  AedesSubjects.two,
  AedesSubjects.one,
  RabbitMq.subject,
  Nats.subject,
  ActiveMq.subject
]

import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'

/** What routes are registered with whose requests leave a line only where something is wrong. */
export const QUIET = 'warn'

/** Makes the loggers of requests; one of a quiet route is made when it has something to say. */
export const childLoggerFactory: NonNullable<FastifyServerOptions['childLoggerFactory']> = (
  logger,
  bindings,
  options,
) => {
  const make = (): FastifyBaseLogger => logger.child(bindings, options)
  return options.level === QUIET ? new QuietLogger(make) : make()
}

/** Making a logger for each request took about a fortieth of the time of serving published keys, in a profile. */
class QuietLogger implements FastifyBaseLogger {
  level: string = QUIET
  readonly #make: () => FastifyBaseLogger
  #made: FastifyBaseLogger | undefined

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make
  }

  silent(): void {
    // As every logger does.
  }

  trace(): void {
    // Below its level, as the two after it.
  }

  debug(): void {
    // See trace.
  }

  info(): void {
    // See trace.
  }

  warn(...line: readonly unknown[]): void {
    this.#write('warn', line)
  }

  error(...line: readonly unknown[]): void {
    this.#write('error', line)
  }

  fatal(...line: readonly unknown[]): void {
    this.#write('fatal', line)
  }

  child(...about: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.#logger().child(...about)
  }

  #write(level: 'warn' | 'error' | 'fatal', line: readonly unknown[]): void {
    const logger = this.#logger()
    Reflect.apply(logger[level], logger, line)
  }

  #logger(): FastifyBaseLogger {
    return (this.#made ??= this.#make())
  }
}

/** Errors as AWS KMS words them. */

/** An error KMS answers with: HTTP status 400 for nearly all, whatever the SDK's model says. */
export class KmsFault extends Error {
  readonly type: string
  readonly status: number

  constructor(type: string, message: string, status = 400) {
    super(message)
    this.type = type
    this.status = status
  }
}

/** A request that breaks a constraint of the API model. */
export function violates(member: string, constraint: string): KmsFault {
  return new KmsFault(
    'ValidationException',
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: ${constraint}`,
  )
}

/** Nothing of that name in this account and region. */
export function notFound(message: string): KmsFault {
  return new KmsFault('NotFoundException', message)
}

/** IAM says no; `resource` is absent for operations on no key. */
export function accessDenied(principal: string, operation: string, resource?: string): KmsFault {
  const on = resource === undefined ? '' : ` on resource: ${resource}`
  return new KmsFault(
    'AccessDeniedException',
    `User: ${principal} is not authorized to perform: kms:${operation}${on} because no identity-based policy allows the kms:${operation} action`,
  )
}

/** The request rate is over the quota. HTTP 400, not 429. */
export function throttled(): KmsFault {
  return new KmsFault(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )
}

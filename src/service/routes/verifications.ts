/** `POST /v1/verifications`: a bundle or a token in, the result document of the command line out. */
import { CountersignError } from '../../errors.ts'
import type { ServiceApp } from '../http/service-app.ts'
import type { ServiceContext } from '../context.ts'
import { createVerifier, type Verifier } from '../operations/verify.ts'
import { type Question, verificationAnswer, verificationBody } from '../schemas/verifications.ts'

/** Registers the route. A verification that fails is an answer, with status 200. */
export function verificationRoutes(app: ServiceApp, context: ServiceContext): void {
  const verifier = createVerifier(context)
  app.post(
    '/v1/verifications',
    {
      schema: {
        operationId: 'verify',
        summary: 'Verify a bundle or a token against the keys of this service.',
        tags: ['verification'],
        body: verificationBody,
        response: { 200: verificationAnswer },
      },
    },
    async (request) => answer(request.body, verifier),
  )
}

async function answer(question: Question, verifier: Verifier): Promise<object> {
  const { bundle, artifact, policy, token, tokenPolicy } = question
  const isAboutBundle = token === undefined && tokenPolicy === undefined
  const isAboutToken = bundle === undefined && artifact === undefined && policy === undefined
  if (isAboutBundle && bundle !== undefined && artifact !== undefined) {
    return verifier.verifyBundle({ bundle, artifact, ...(policy && { policy }) })
  }
  if (isAboutToken && token !== undefined && tokenPolicy !== undefined) {
    return verifier.verifyToken({ token, tokenPolicy })
  }
  throw new CountersignError(
    'ERR_REQUEST_INVALID',
    'a verification is about a bundle with its artifact, or a token with its tokenPolicy',
    { hint: 'see /openapi.json for what the service takes', details: { path: '' } },
  )
}
